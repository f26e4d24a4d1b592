//! Strings on their way into a ring, as UTF-8 with U+FFFD for lone surrogates.

use std::mem::MaybeUninit;
use std::ptr;
use std::slice;

use encoding_rs::mem::convert_utf16_to_utf8;
use napi::sys;

use crate::ring::Payload;

/// Strings of up to so many UTF-16 units are read as such and converted here. NB: with Node-API's own UTF-8
/// a call with 120 ASCII characters is 7 ns slower under Node 20 and 2 ns faster under 22 and 24; one with as
/// many that V8 keeps in two bytes each takes twice as long under all of them (`npm run bench -- border`).
const SHORT: usize = 512;

/// Bytes of the longest character.
const CHARACTER: usize = 4;

/// Where a string lies between Node-API and the ring: scratch, kept so that it is allocated once.
pub struct Text {
    short: Box<[u8; 3 * SHORT]>,
    long: Vec<u8>,
}

impl Text {
    pub fn new() -> Self {
        Text { short: Box::new([0; 3 * SHORT]), long: Vec::new() }
    }

    /// The UTF-8 of a string, which stays where it is until the next call, or `None` for what is no
    /// string. Of a string of more than `most` bytes only the length is true.
    #[inline]
    pub fn read(&mut self, env: sys::napi_env, value: sys::napi_value, most: usize) -> Option<Payload> {
        let mut units = 0;
        // SAFETY: a value of the running call. Without a buffer only the length is asked for.
        let status = unsafe { sys::napi_get_value_string_utf16(env, value, ptr::null_mut(), 0, &mut units) };
        match status {
            sys::Status::napi_ok if units <= SHORT => self.read_short(env, value),
            sys::Status::napi_ok => self.read_long(env, value, units, most),
            _ => None,
        }
    }

    #[inline]
    fn read_short(&mut self, env: sys::napi_env, value: sys::napi_value) -> Option<Payload> {
        // Node-API ends the string with a zero.
        let mut units = [const { MaybeUninit::<u16>::uninit() }; SHORT + 1];
        let mut count = 0;
        // SAFETY: as above; the array holds as many units as is said.
        let status = unsafe {
            let to = units.as_mut_ptr().cast();
            sys::napi_get_value_string_utf16(env, value, to, units.len(), &mut count)
        };
        if status != sys::Status::napi_ok {
            return None;
        }
        // SAFETY: `count` units were written.
        let units = unsafe { slice::from_raw_parts(units.as_ptr().cast::<u16>(), count) };
        let mut all = 0;
        for (byte, unit) in self.short.iter_mut().zip(units) {
            all |= unit;
            *byte = *unit as u8;
        }
        // Nearly all text is ASCII, and that has just been written.
        let length = if all < 0x80 { count } else { convert_utf16_to_utf8(units, &mut *self.short) };
        Some(Payload::of(&self.short[..length]))
    }

    fn read_long(
        &mut self,
        env: sys::napi_env,
        value: sys::napi_value,
        units: usize,
        most: usize,
    ) -> Option<Payload> {
        // A unit is at least one byte and at most three. To measure them takes longer than to write them,
        // so that so much is written as tells that it is too much: whole characters, while there is room.
        if units <= most {
            let room = (3 * units).min(most + CHARACTER) + 1;
            let mut written = 0;
            self.long.clear();
            self.long.reserve(room);
            // SAFETY: `room` bytes are reserved; the call writes at most so many, a zero at the end among
            // them, and says how many.
            let status = unsafe {
                let to = self.long.as_mut_ptr().cast();
                let status = sys::napi_get_value_string_utf8(env, value, to, room, &mut written);
                self.long.set_len(written);
                status
            };
            if status != sys::Status::napi_ok {
                return None;
            }
            if written <= most {
                return Some(Payload::of(&self.long));
            }
        }
        let mut length = 0;
        // SAFETY: as above.
        unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &mut length) };
        // Refused by its length, never read.
        Some(Payload { bytes: ptr::dangling(), length })
    }
}
