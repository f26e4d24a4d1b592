//! The data area as one Buffer a handle, and how it ends.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use napi::sys;

use crate::error::{Code, Error, Result};
use crate::layout::Layout;
use crate::mapping::Mapping;

/// Makes a Buffer over the data area. The Buffer keeps the mapping, whatever becomes of the handle.
pub fn export(env: sys::napi_env, mapping: &Arc<Mapping>, layout: &Layout) -> Result<sys::napi_value> {
    // SAFETY: the data area lies within the mapping.
    let data = unsafe { mapping.base().add(layout.data) };
    let hint = Arc::into_raw(mapping.clone()).cast_mut().cast();
    let mut buffer = ptr::null_mut();
    // SAFETY: the memory lives until the finalizer gives the mapping back.
    let status = unsafe {
        let (length, data) = (layout.capacity, data.cast());
        sys::napi_create_external_buffer(env, length, data, Some(finalize), hint, &mut buffer)
    };
    if status != sys::Status::napi_ok {
        // SAFETY: nobody else took what was to be given to the Buffer.
        drop(unsafe { Arc::from_raw(hint.cast::<Mapping>()) });
        return Err(no_external_memory());
    }
    let mut seen = ptr::null_mut();
    // SAFETY: the Buffer made above.
    unsafe { sys::napi_get_buffer_info(env, buffer, &mut seen, ptr::null_mut()) };
    if seen.cast() != data {
        return Err(no_external_memory());
    }
    Ok(buffer)
}

/// Some runtimes copy instead of sharing, which would be a private ring.
fn no_external_memory() -> Error {
    Error::new(
        Code::Unsupported,
        "this JavaScript runtime does not let native memory be shared with it (Electron, say)",
    )
}

unsafe extern "C" fn finalize(_env: sys::napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: the mapping that `export` gave, given back once.
    drop(unsafe { Arc::from_raw(hint.cast_const().cast::<Mapping>()) });
}

/// Ends the life of a handle's memory: `buffer` gets length 0, and a view that escaped by transfer, or
/// outlived its collected handle (`buffer` is undefined then), reads zeros from now on and writes to
/// nobody's ring.
pub fn retire(env: sys::napi_env, mapping: &Mapping, buffer: sys::napi_value) {
    let (mut kind, mut array) = (0, ptr::null_mut());
    // SAFETY: values of the running call. Failures leave a Buffer that is no longer ours.
    unsafe {
        sys::napi_typeof(env, buffer, &mut kind);
        if kind == sys::ValueType::napi_object
            && sys::napi_get_named_property(env, buffer, c"buffer".as_ptr(), &mut array)
                == sys::Status::napi_ok
        {
            sys::napi_detach_arraybuffer(env, array);
        }
    }
    // It can only fail for want of kernel memory; the pages then stay shared until collected.
    let _ = mapping.retire();
}
