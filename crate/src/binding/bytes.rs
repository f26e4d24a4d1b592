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
