//! The 8 bytes before every payload, and how much room a record takes.
//!
//! ```text
//! bit 0        31       32      48      64
//! | length 31  | pad 1  | tag 16 | check 16 | payload … | up to 7 bytes to the next multiple of 8
//! ```
//!
//! `length` counts payload bytes. `pad` marks padding: it fills the buffer to its end, and its
//! length says so. `tag` is zero and reserved: what a later version may put there is passed over.
//! `check` depends on the position and on every other bit, so that bytes which are not the header of
//! *this* position are recognised.

use crate::layout::{RECORD_ALIGN, RECORD_HEADER};

const PADDING: u64 = 1 << 31;
const LENGTH: u64 = PADDING - 1;
const TAG_SHIFT: u32 = 32;
const CHECK_SHIFT: u32 = 48;
const UNCHECKED: u64 = (1 << CHECK_SHIFT) - 1;

/// What each part of a header counts in its check: primes of xxHash. They are odd, and shifted by any
/// number of bits they change the upper half of a sum, so no single bit of a header can change without
/// its check, and of two positions a power of two apart each refuses the other's header.
pub const CHECK_LENGTH: u32 = 0x9e37_79b1;
pub const CHECK_POSITION: u32 = 0x85eb_ca77;
const CHECK_POSITION_HIGH: u32 = 0xc2b2_ae3d;
const CHECK_TAG: u32 = 0x27d4_eb2f;

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

/// What the upper half of a position adds to the sum whose upper half is the check.
pub const fn check_of_high(position: u64) -> u32 {
    ((position >> 32) as u32).wrapping_mul(CHECK_POSITION_HIGH)
}

/// The check of the other 48 bits, `low`, at `position`. In 32 bits, which JavaScript multiplies as fast.
const fn check(position: u64, low: u64) -> u64 {
    let length = (low as u32).wrapping_mul(CHECK_LENGTH);
    let tag = ((low >> TAG_SHIFT) as u32).wrapping_mul(CHECK_TAG);
    let at = (position as u32).wrapping_mul(CHECK_POSITION).wrapping_add(check_of_high(position));
    (length.wrapping_add(tag).wrapping_add(at) >> 16) as u64
}

impl Header {
    /// The word that stands at `position`.
    #[inline]
    pub const fn encode(self, position: u64) -> u64 {
        self.encode_tagged(position, 0)
    }

    /// The same with a tag, which no writer of this version sets.
    #[inline]
    pub const fn encode_tagged(self, position: u64, tag: u16) -> u64 {
        let length = match self {
            Header::Record(length) => length as u64,
            Header::Padding(length) => length as u64 | PADDING,
        };
        let low = length | (tag as u64) << TAG_SHIFT;
        low | check(position, low) << CHECK_SHIFT
    }

    /// What the word found at `position` means, whatever its tag, or `None` when no healthy writer put
    /// it there.
    #[inline]
    pub const fn decode(position: u64, word: u64) -> Option<Header> {
        let low = word & UNCHECKED;
        if word >> CHECK_SHIFT != check(position, low) {
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
    fn a_zeroed_word_is_a_header_at_the_very_start_and_seldom_elsewhere() {
        // Fresh memory is zero: at position 0 an empty record looks like that, and elsewhere where the
        // position's part of the sum is below 2^16. A reader never looks before the tail has passed.
        assert_eq!(Header::decode(0, 0), Some(Header::Record(0)));
        let taken = |units: std::ops::Range<u64>| units.filter(|unit| Header::decode(unit * 8, 0).is_some());
        assert_eq!(taken(1..1 << 20).next(), Some(196_727));
        assert!(taken(1..1 << 20).count() <= 16);
    }
}
