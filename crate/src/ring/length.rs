//! How long a record may be, and how many of them make up one part of a batch.

use super::Payload;
use crate::error::{Code, Error, Result};

/// Refuses a record of `length` bytes that is longer than the `largest` of its ring.
#[inline]
pub(super) fn check(length: usize, largest: usize) -> Result<()> {
    if length > largest { Err(too_large(length, largest)) } else { Ok(()) }
}

#[cold]
pub(super) fn too_large(length: usize, largest: usize) -> Error {
    Error::new(
        Code::TooLarge,
        format!("a record of {length} bytes is larger than this ring's largest of {largest} bytes"),
    )
    .with("byteLength", length)
    .with("maxRecord", largest)
}

/// How many of `payloads` make up one part of at most `most` bytes of ring space, and its bytes. `room`
/// says how many a payload takes.
pub(super) fn part(payloads: &[Payload], most: u64, room: impl Fn(usize) -> u64) -> (usize, u64) {
    let (mut count, mut bytes) = (0, 0);
    for payload in payloads {
        let more = bytes + room(payload.length);
        if more > most {
            break;
        }
        (count, bytes) = (count + 1, more);
    }
    (count, bytes)
}
