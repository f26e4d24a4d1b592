//! Records as JavaScript hands them in.

use std::ptr::{self, NonNull};

use napi::sys;

use crate::ring::spsc::Payload;

/// The bytes of a typed array whose elements are bytes, or `None` for any other value. They stay
/// where they are until JavaScript runs again.
#[inline]
pub fn payload(env: sys::napi_env, value: sys::napi_value) -> Option<Payload> {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    // SAFETY: a value of the running call; a value that is no typed array gives an error status.
    let status = unsafe {
        let (buffer, offset) = (ptr::null_mut(), ptr::null_mut());
        sys::napi_get_typedarray_info(env, value, &mut kind, &mut length, &mut data, buffer, offset)
    };
    if status != sys::Status::napi_ok || kind != sys::TypedarrayType::uint8_array {
        return None;
    }
    // An empty or detached array has no address.
    let bytes = NonNull::new(data.cast::<u8>()).unwrap_or(NonNull::dangling());
    Some(Payload { bytes: bytes.as_ptr(), length })
}

/// UTF-16 units of a string.
pub fn text_length(env: sys::napi_env, value: sys::napi_value) -> Option<usize> {
    let mut units = 0;
    // SAFETY: without a buffer only the length is asked for.
    let status = unsafe { sys::napi_get_value_string_utf16(env, value, ptr::null_mut(), 0, &mut units) };
    (status == sys::Status::napi_ok).then_some(units)
}

/// Writes a string of `units` UTF-16 units as UTF-8 into `scratch`, lone surrogates as U+FFFD.
pub fn encode(
    env: sys::napi_env,
    value: sys::napi_value,
    units: usize,
    scratch: &mut Vec<u8>,
) -> Option<&[u8]> {
    /// Larger strings are measured first, so that they are not given three times their room.
    const MEASURE: usize = 64 << 10;
    // A unit takes at most three bytes, and Node-API ends the string with a zero.
    let mut room = 3 * units + 1;
    if units > MEASURE {
        // SAFETY: without a buffer only the length is asked for.
        unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &mut room) };
        room += 1;
    }
    scratch.clear();
    scratch.reserve(room);
    let mut written = 0;
    // SAFETY: `room` bytes are reserved; the call writes at most so many and says how many.
    unsafe {
        let to = scratch.as_mut_ptr().cast();
        if sys::napi_get_value_string_utf8(env, value, to, room, &mut written) != sys::Status::napi_ok {
            return None;
        }
        scratch.set_len(written);
    }
    Some(scratch)
}
