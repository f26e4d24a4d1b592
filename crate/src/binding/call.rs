//! Raw Node-API callbacks: arguments in, one value or one exception out. NB: an empty call through
//! here is 8 ns against 262 ns for a napi-rs class method (bench/run.mjs shows what is left of it).

use std::ffi::CStr;
use std::ptr;
use std::time::Duration;

use napi::{Result, check_status, sys};

use super::errors::throw;
use super::state::{State, Table};
use crate::error::{Code, Error};

/// Name and body of a raw function.
pub type Function =
    (&'static CStr, unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value);

/// Adds raw functions to the module's exports.
pub fn export(
    env: sys::napi_env,
    exports: sys::napi_value,
    state: *mut State,
    functions: &[Function],
) -> Result<()> {
    for (name, body) in functions {
        let mut function = ptr::null_mut();
        // SAFETY: registration runs inside `env`; the state outlives every call (see State).
        unsafe {
            check_status!(sys::napi_create_function(
                env,
                name.as_ptr(),
                name.to_bytes().len() as isize,
                Some(*body),
                state.cast(),
                &mut function
            ))?;
            check_status!(sys::napi_set_named_property(env, exports, name.as_ptr(), function))?;
        }
    }
    Ok(())
}

/// The arguments of one call. Missing ones are `undefined`, which reads as the given default.
pub struct Arguments<const N: usize> {
    pub env: sys::napi_env,
    pub values: [sys::napi_value; N],
}

/// The arguments and the state of the running call.
///
/// # Safety
/// To be called once, first, in a callback that [`export`] registered.
#[inline]
pub unsafe fn read<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> (Arguments<N>, &'static mut State) {
    let mut values = [ptr::null_mut(); N];
    let (mut count, mut data) = (N, ptr::null_mut());
    // SAFETY: the array holds N values; data is what `export` registered, alive as long as the
    // environment runs JavaScript. No callback calls into JavaScript while it uses this reference.
    let state = unsafe {
        sys::napi_get_cb_info(env, info, &mut count, values.as_mut_ptr(), ptr::null_mut(), &mut data);
        &mut *data.cast::<State>()
    };
    (Arguments { env, values }, state)
}

impl<const N: usize> Arguments<N> {
    /// An unsigned number; anything else is the largest, which no handle has.
    #[inline]
    pub fn u32(&self, index: usize) -> u32 {
        let mut number = u32::MAX;
        // SAFETY: a value of this call.
        unsafe { sys::napi_get_value_uint32(self.env, self.values[index], &mut number) };
        number
    }

    pub fn f64(&self, index: usize) -> f64 {
        let mut number = f64::NAN;
        // SAFETY: a value of this call.
        unsafe { sys::napi_get_value_double(self.env, self.values[index], &mut number) };
        number
    }

    pub fn bool(&self, index: usize) -> bool {
        let mut boolean = false;
        // SAFETY: a value of this call.
        unsafe { sys::napi_get_value_bool(self.env, self.values[index], &mut boolean) };
        boolean
    }

    /// A count of records or bytes.
    #[inline]
    pub fn size(&self, index: usize) -> usize {
        self.u32(index) as usize
    }

    /// A span of time in units of `unit` seconds; see [`span_of_time`].
    pub fn duration(&self, index: usize, unit: f64) -> Duration {
        span_of_time(self.f64(index), unit)
    }
}

/// `number` times `unit` seconds: as long as can be for `Infinity`, none for what is no number.
#[inline]
pub fn span_of_time(number: f64, unit: f64) -> Duration {
    // To whole nanoseconds, where the conversion of the standard library looks at every bit.
    Duration::from_nanos((number * unit * 1e9) as u64)
}

/// What a body returns to JavaScript.
pub trait Answer {
    fn value(self, env: sys::napi_env) -> sys::napi_value;
}

impl Answer for () {
    #[inline]
    fn value(self, _: sys::napi_env) -> sys::napi_value {
        UNDEFINED
    }
}

impl Answer for bool {
    #[inline]
    fn value(self, env: sys::napi_env) -> sys::napi_value {
        let mut result = ptr::null_mut();
        // SAFETY: called inside a callback of `env`.
        unsafe { sys::napi_get_boolean(env, self, &mut result) };
        result
    }
}

impl Answer for i32 {
    #[inline]
    fn value(self, env: sys::napi_env) -> sys::napi_value {
        let mut result = ptr::null_mut();
        // SAFETY: called inside a callback of `env`.
        unsafe { sys::napi_create_int32(env, self, &mut result) };
        result
    }
}

impl Answer for f64 {
    #[inline]
    fn value(self, env: sys::napi_env) -> sys::napi_value {
        let mut result = ptr::null_mut();
        // SAFETY: called inside a callback of `env`.
        unsafe { sys::napi_create_double(env, self, &mut result) };
        result
    }
}

impl Answer for sys::napi_value {
    fn value(self, _: sys::napi_env) -> sys::napi_value {
        self
    }
}

/// `None` is `undefined`.
impl<T: Answer> Answer for Option<T> {
    fn value(self, env: sys::napi_env) -> sys::napi_value {
        self.map_or(UNDEFINED, |value| value.value(env))
    }
}

impl Answer for &'static str {
    fn value(self, env: sys::napi_env) -> sys::napi_value {
        let mut result = ptr::null_mut();
        let (data, length) = (self.as_ptr().cast(), self.len() as isize);
        // SAFETY: called inside a callback of `env`.
        unsafe { sys::napi_create_string_utf8(env, data, length, &mut result) };
        result
    }
}

pub const UNDEFINED: sys::napi_value = ptr::null_mut();

/// Runs `body` with the handle that the first argument numbers in the table that `table` picks, and
/// returns or throws what it answers.
///
/// # Safety
/// To be the whole of a callback that [`export`] registered.
#[inline]
pub unsafe fn with_handle<const N: usize, T: 'static, A: Answer>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    table: impl FnOnce(&mut State) -> &mut Table<T>,
    body: impl FnOnce(&mut T, &Arguments<N>) -> crate::error::Result<A>,
) -> sys::napi_value {
    // SAFETY: the caller's contract.
    let (arguments, state) = unsafe { read::<N>(env, info) };
    let answer = match table(state).get(arguments.u32(0)) {
        Some(handle) => body(handle, &arguments),
        None => Err(closed()),
    };
    finish(env, state.make_error, answer)
}

/// Returns or throws an answer. Throwing runs JavaScript: nothing of the state is borrowed by then.
#[inline]
pub fn finish<A: Answer>(
    env: sys::napi_env,
    make_error: sys::napi_ref,
    answer: crate::error::Result<A>,
) -> sys::napi_value {
    match answer {
        Ok(answer) => answer.value(env),
        Err(error) => {
            throw(env, make_error, &error);
            UNDEFINED
        }
    }
}

/// The error for a handle number that nobody has.
#[cold]
pub fn closed() -> Error {
    Error::new(Code::Closed, "this handle is closed")
}
