//! The 8 bytes before every payload: what is written is read again, and nothing else passes for it.

mod support;

use proptest::prelude::*;
use shmring::layout::MAX_CAPACITY;
use shmring::record::{Header, span};
use support::positions::{at_least, positions};

/// Any length that fits into a header, most of them such as records have.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![0..256_usize, 0..1_usize << 20, 0..1_usize << 31]
}

fn headers() -> impl Strategy<Value = Header> {
    prop_oneof![lengths().prop_map(Header::Record), lengths().prop_map(Header::Padding)]
}

proptest! {
    #![proptest_config(at_least(4096))]

    #[test]
    fn what_is_encoded_at_a_position_is_decoded_there_whatever_its_tag(
        position in positions(1 << 31),
        header in headers(),
        tag in any::<u16>(),
    ) {
        prop_assert_eq!(Header::decode(position, header.encode(position)), Some(header));
        prop_assert_eq!(Header::decode(position, header.encode_tagged(position, tag)), Some(header));
        prop_assert_eq!(header.encode_tagged(position, tag) >> 32 & 0xffff, u64::from(tag));
    }

    #[test]
    fn a_header_with_any_one_bit_flipped_is_refused(
        position in positions(1 << 31),
        header in headers(),
        tag in any::<u16>(),
    ) {
        let word = header.encode_tagged(position, tag);
        for bit in 0..64 {
            prop_assert_eq!(Header::decode(position, word ^ 1 << bit), None, "bit {}", bit);
        }
    }

    #[test]
    fn a_span_is_the_least_room_in_units_of_eight(length in lengths()) {
        let span = span(length);
        prop_assert!(span >= 8 + length && span < 8 + length + 8 && span.is_multiple_of(8));
        prop_assert_eq!(Header::Record(length).span(), span);
        prop_assert_eq!(Header::Padding(length).span(), span);
    }

    #[test]
    fn a_header_of_the_lap_before_is_refused(
        position in positions(1 << 31),
        header in headers(),
        capacity_bits in 12_u32..=30,
    ) {
        // What a reader would find if a tail were published too early.
        let word = header.encode(position);
        prop_assert_eq!(Header::decode(position + (1 << capacity_bits), word), None);
    }
}

#[test]
fn of_the_headers_of_all_other_positions_no_more_pass_than_sixteen_bits_let_through() {
    // One in 65536 is what a check of 16 bits can do; twice that is allowed.
    for (header, here) in [
        (Header::Record(0), 0_u64),
        (Header::Record(56), (1 << 31) + 4096),
        (Header::Record(1000), (1 << 32) - 8),
        (Header::Padding(16), (1 << 53) + 64),
    ] {
        for step in [8, 64, 4096, MAX_CAPACITY] {
            let word = header.encode(here);
            let others = (1..=1_u64 << 20).map(|units| here + units * step);
            let passed = others.filter(|&there| Header::decode(there, word).is_some()).count();
            assert!(passed <= 2 << 4, "{passed} of 2^20 positions {step} apart take {header:?} for theirs");
        }
    }
}

#[test]
fn of_random_words_no_more_pass_than_the_check_lets_through() {
    let mut word = 0x9e37_79b9_7f4a_7c15_u64;
    let passed = (0..1_u64 << 22)
        .filter(|&index| {
            // xorshift64, a fixed sequence.
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            Header::decode(index * 8, word).is_some()
        })
        .count();
    assert!(passed <= 128, "{passed} of 2^22 random words pass");
}
