//! Raw Node-API callbacks that each do a little more than the one before, so that the difference between two
//! is what a step of `tryWrite` costs. An addon of its own, since the package's carries nothing to be timed.

use std::ffi::CStr;
use std::hint::black_box;
use std::ptr;

use napi_sys::{
    napi_callback_info, napi_create_function, napi_env, napi_get_buffer_info, napi_get_cb_info,
    napi_get_typedarray_info, napi_get_value_string_latin1, napi_get_value_string_utf8,
    napi_get_value_string_utf16, napi_get_value_uint32, napi_set_named_property, napi_value,
};

/// More than any string that is timed takes, in bytes or UTF-16 units.
const ROOM: usize = 1024;

type Callback = unsafe extern "C" fn(napi_env, napi_callback_info) -> napi_value;

const FUNCTIONS: &[(&CStr, Callback)] = &[
    (c"empty", empty),
    (c"values", values),
    (c"handle", handle),
    (c"typedArray", typed_array),
    (c"buffer", buffer),
    (c"length", length),
    (c"utf8", utf8),
    (c"utf16", utf16),
    (c"latin1", latin1),
];

/// The two arguments of the call; the first is a number, which is read too if `number`.
#[inline(always)]
unsafe fn arguments(env: napi_env, info: napi_callback_info, number: bool) -> [napi_value; 2] {
    let mut values = [ptr::null_mut(); 2];
    let (mut count, mut data, mut handle) = (values.len(), ptr::null_mut(), 0);
    // SAFETY: the array holds as many values as is said; a value of the running call.
    unsafe {
        napi_get_cb_info(env, info, &mut count, values.as_mut_ptr(), ptr::null_mut(), &mut data);
        if number {
            napi_get_value_uint32(env, values[0], &mut handle);
        }
    }
    black_box(&(data, handle));
    values
}

unsafe extern "C" fn empty(_: napi_env, _: napi_callback_info) -> napi_value {
    ptr::null_mut()
}

unsafe extern "C" fn values(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: inside the callback.
    black_box(&unsafe { arguments(env, info, false) });
    ptr::null_mut()
}

unsafe extern "C" fn handle(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: inside the callback.
    black_box(&unsafe { arguments(env, info, true) });
    ptr::null_mut()
}

unsafe extern "C" fn typed_array(env: napi_env, info: napi_callback_info) -> napi_value {
    let (mut length, mut data) = (0, ptr::null_mut());
    // SAFETY: inside the callback; what is not asked for may be null.
    unsafe {
        let [_, record] = arguments(env, info, true);
        let (kind, memory, offset) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        napi_get_typedarray_info(env, record, kind, &mut length, &mut data, memory, offset);
    }
    black_box(&(length, data));
    ptr::null_mut()
}

unsafe extern "C" fn buffer(env: napi_env, info: napi_callback_info) -> napi_value {
    let (mut length, mut data) = (0, ptr::null_mut());
    // SAFETY: inside the callback.
    unsafe {
        let [_, record] = arguments(env, info, true);
        napi_get_buffer_info(env, record, &mut data, &mut length);
    }
    black_box(&(length, data));
    ptr::null_mut()
}

unsafe extern "C" fn length(env: napi_env, info: napi_callback_info) -> napi_value {
    let mut length = 0;
    // SAFETY: inside the callback; without a buffer only the length is asked for.
    unsafe {
        let [_, record] = arguments(env, info, true);
        napi_get_value_string_utf16(env, record, ptr::null_mut(), 0, &mut length);
    }
    black_box(length);
    ptr::null_mut()
}

/// A callback that has a string written to memory of its own.
macro_rules! written {
    ($name:ident, $unit:ty, $get:ident) => {
        unsafe extern "C" fn $name(env: napi_env, info: napi_callback_info) -> napi_value {
            let mut text = [const { std::mem::MaybeUninit::<$unit>::uninit() }; ROOM];
            let mut length = 0;
            // SAFETY: inside the callback; the array has the room that is said.
            unsafe {
                let [_, record] = arguments(env, info, true);
                $get(env, record, text.as_mut_ptr().cast(), ROOM, &mut length);
            }
            black_box((&text, length));
            ptr::null_mut()
        }
    };
}

written!(utf8, u8, napi_get_value_string_utf8);
written!(utf16, u16, napi_get_value_string_utf16);
written!(latin1, u8, napi_get_value_string_latin1);

/// What Node calls to load the addon.
#[unsafe(no_mangle)]
unsafe extern "C" fn napi_register_module_v1(env: napi_env, exports: napi_value) -> napi_value {
    for (name, body) in FUNCTIONS {
        let (mut function, length) = (ptr::null_mut(), name.count_bytes() as isize);
        // SAFETY: inside the registration; the names live for ever.
        unsafe {
            napi_create_function(env, name.as_ptr(), length, Some(*body), ptr::null_mut(), &mut function);
            napi_set_named_property(env, exports, name.as_ptr(), function);
        }
    }
    exports
}
