//! Errors of the core as JavaScript exceptions.

use std::ptr;

use napi::{Status, sys};

use super::state::State;
use crate::error::{Detail, Error};

/// Throws `error` as the exception that TypeScript makes of it, by the function that `make_error` keeps. Not by
/// the state, which must not be borrowed while JavaScript runs: it may come back to any function here.
pub fn throw(env: sys::napi_env, make_error: sys::napi_ref, error: &Error) {
    // SAFETY: values are made and used within this call; a failing step leaves its exception
    // pending, which is an exception too.
    unsafe {
        let (mut make, mut this, mut made) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        sys::napi_get_undefined(env, &mut this);
        let arguments = [text(env, error.code.name()), text(env, &error.message), details(env, error)];
        if sys::napi_get_reference_value(env, make_error, &mut make) == sys::Status::napi_ok
            && !make.is_null()
            && sys::napi_call_function(env, this, make, 3, arguments.as_ptr(), &mut made)
                == sys::Status::napi_ok
        {
            sys::napi_throw(env, made);
        } else {
            sys::napi_throw_error(
                env,
                ptr::null(),
                c"shmring: an error before its module was set up".as_ptr(),
            );
        }
    }
}

/// The same for functions that napi-rs wraps.
pub fn thrown(env: sys::napi_env, error: &Error) -> napi::Error {
    match State::current() {
        Ok(state) => {
            throw(env, state.make_error, error);
            napi::Error::new(Status::PendingException, String::new())
        }
        Err(ended) => ended,
    }
}

unsafe fn details(env: sys::napi_env, error: &Error) -> sys::napi_value {
    let mut object = ptr::null_mut();
    // SAFETY: the caller is inside a callback of `env`.
    unsafe {
        sys::napi_create_object(env, &mut object);
        for (name, detail) in &error.details {
            let value = match detail {
                Detail::Text(value) => text(env, value),
                Detail::Number(value) => {
                    let mut number = ptr::null_mut();
                    sys::napi_create_double(env, *value as f64, &mut number);
                    number
                }
            };
            sys::napi_set_property(env, object, text(env, name), value);
        }
    }
    object
}

unsafe fn text(env: sys::napi_env, value: &str) -> sys::napi_value {
    let mut string = ptr::null_mut();
    // SAFETY: the caller is inside a callback of `env`; the length is given.
    unsafe { sys::napi_create_string_utf8(env, value.as_ptr().cast(), value.len() as isize, &mut string) };
    string
}
