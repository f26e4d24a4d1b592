//! Records as JavaScript hands them in.

use std::ptr::{self, NonNull};

use napi::sys;

use crate::ring::Payload;

/// The bytes of a Uint8Array, or `None` for a value that is no typed array. They stay where they are
/// until JavaScript runs again.
///
/// TypeScript has looked at the kind of array: to ask for it here costs 4 ns more a record than there
/// (NB: bench/run.mjs). Of another kind only a part would be taken, since the length counts elements.
#[inline]
pub fn payload(env: sys::napi_env, value: sys::napi_value) -> Option<Payload> {
    let (mut length, mut data) = (0, ptr::null_mut());
    // SAFETY: a value of the running call; a value that is no typed array gives an error status.
    let status = unsafe {
        let (kind, buffer, offset) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        sys::napi_get_typedarray_info(env, value, kind, &mut length, &mut data, buffer, offset)
    };
    if status != sys::Status::napi_ok || (length == 0 && is_detached(env, value)) {
        return None;
    }
    // An empty or detached array has no address.
    let bytes = NonNull::new(data.cast::<u8>()).unwrap_or(NonNull::dangling());
    Some(Payload { bytes: bytes.as_ptr(), length })
}

/// Whether the ArrayBuffer under a typed array is detached: its length is 0 then.
#[cold]
fn is_detached(env: sys::napi_env, value: sys::napi_value) -> bool {
    let (mut buffer, mut detached) = (ptr::null_mut(), false);
    // SAFETY: a typed array of the running call.
    unsafe {
        let (kind, length, data, offset) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        sys::napi_get_typedarray_info(env, value, kind, length, data, &mut buffer, offset);
        sys::napi_is_detached_arraybuffer(env, buffer, &mut detached);
    }
    detached
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
