//! The 8 bytes before every payload, and how much room a record takes.
//!
//! ```text
//! bit 0        31       32      48      64
//! | length 31  | pad 1  | tag 16 | check 16 | payload … | up to 7 bytes to the next multiple of 8
//! ```
//!
//! `length` counts payload bytes. `pad` marks padding: it fills the buffer to its end, and its
//! length says so. `tag` is zero and reserved. `check` depends on the position and on every other
//! bit, so that bytes which are not the header of *this* position are recognised.

use crate::layout::{RECORD_ALIGN, RECORD_HEADER};

const PADDING: u64 = 1 << 31;
const LENGTH: u64 = PADDING - 1;
const TAG: u64 = 0xffff << 32;
const CHECK_SHIFT: u32 = 48;
const UNCHECKED: u64 = (1 << CHECK_SHIFT) - 1;

/// What stands at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// A record with a payload of so many bytes.
    Record(usize),
    /// Padding with a body of so many bytes.
    Padding(usize),
}

/// Bytes of ring space that a record with a payload of `length` bytes takes.
pub const fn span(length: usize) -> usize {
    (RECORD_HEADER + length).next_multiple_of(RECORD_ALIGN)
}

/// Fibonacci hashing: the high bits of a product with 2^64 / φ depend on every bit of the factor,
/// and no single bit can leave the top 16 unchanged, since that constant has no run of 15 equal bits.
const fn check(position: u64, low: u64) -> u64 {
    (low ^ position.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> CHECK_SHIFT
}

impl Header {
    /// The word that stands at `position`.
    #[inline]
    pub const fn encode(self, position: u64) -> u64 {
        let low = match self {
            Header::Record(length) => length as u64,
            Header::Padding(length) => length as u64 | PADDING,
        };
        low | check(position, low) << CHECK_SHIFT
    }

    /// What the word found at `position` means, or `None` when no healthy writer put it there.
    #[inline]
    pub const fn decode(position: u64, word: u64) -> Option<Header> {
        let low = word & UNCHECKED;
        if word >> CHECK_SHIFT != check(position, low) || low & TAG != 0 {
            return None;
        }
        let length = (low & LENGTH) as usize;
        Some(if low & PADDING == 0 { Header::Record(length) } else { Header::Padding(length) })
    }

    /// Bytes of ring space.
    #[inline]
    pub const fn span(self) -> usize {
        match self {
            Header::Record(length) | Header::Padding(length) => span(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_the_least_multiple_of_eight_that_holds_header_and_payload() {
        for (length, expected) in [(0, 8), (1, 16), (8, 16), (9, 24), (56, 64), (64, 72)] {
            assert_eq!(span(length), expected);
        }
    }

    #[test]
    fn a_zeroed_word_is_no_header_but_at_the_very_start() {
        // Fresh memory is zero: only at position 0 does an empty record look like that, and a
        // reader never looks there before the tail has passed it.
        assert_eq!(Header::decode(0, 0), Some(Header::Record(0)));
        assert!((1..10_000u64).all(|unit| Header::decode(unit * 8, 0).is_none()));
    }
}
