//! Record headers that cannot be true, each as a table of what stands there: the consumer refuses
//! them with offset, expected and found, for good, and nobody else is disturbed. And those that look
//! odd and are legal.

mod support;

use shmring::error::{Code, Detail, Error};
use shmring::layout::{Kind, Layout, control, slot};
use shmring::record::Header;
use shmring::ring::spsc::PRODUCER_SLOT;
use support::records::{look, look_until_empty, payload, write};
use support::spsc_real::Real;

const CAPACITY: u64 = 4096;
const MAX: usize = CAPACITY as usize - 8;

fn ring(position: u64) -> Real {
    Real::new(Layout::new(Kind::Spsc, CAPACITY).unwrap(), position)
}

/// A record of 56 bytes, 64 with its header, that waits at `position`.
fn one_record(position: u64) -> Real {
    let mut real = ring(position);
    assert!(write(&mut real.producer, 0, 56));
    real
}

/// As if a producer had published everything up to `tail`, whatever lies there.
fn publish(real: &Real, tail: u64) {
    let ledger = real.layout.slot(PRODUCER_SLOT) + slot::LEDGER;
    [ledger, ledger + slot::LEDGER_ENTRY_BYTES].into_iter().for_each(|stamp| real.memory.set(stamp, tail));
    real.memory.set(real.layout.control + control::TAIL, tail);
}

fn offset(real: &Real, position: u64) -> usize {
    real.layout.data + (position % CAPACITY) as usize
}

#[track_caller]
fn assert_tells(error: &Error, at: usize, word: u64) {
    assert_eq!(error.code, Code::Corrupt);
    let expected = error.details.iter().find(|(name, _)| *name == "expected");
    assert!(matches!(expected, Some((_, Detail::Text(text))) if !text.is_empty()), "{error}");
    for detail in [("offset", Detail::from(at)), ("found", Detail::from(word))] {
        assert!(error.details.contains(&detail), "{detail:?} in {error}");
    }
}

/// The consumer refuses the word that stands at its next record, at every way of looking there, and
/// from then on also when it is right again. A successor gets the record then, and the producer has
/// noticed nothing.
#[track_caller]
fn assert_refuses(mut real: Real, position: u64, word: u64) {
    let at = offset(&real, position);
    let right = real.memory.get(at);
    real.memory.set(at, word);
    for look in 0..5 {
        real.replace_consumer().unwrap();
        let consumer = &mut real.consumer;
        let error = match look {
            0 => consumer.peek(&mut [0; 2], 1, true).err(),
            1 => consumer.peek(&mut [0; 2], 1, false).err(),
            2 => consumer.peek_known(&mut [0; 2], 1).err(),
            3 => consumer.has_record().err(),
            _ => consumer.position().err(),
        };
        assert_tells(&error.expect("it was refused"), at, word);
    }
    real.memory.set(at, right);
    let consumer = &mut real.consumer;
    for error in [
        consumer.peek(&mut [0; 2], 1, true).err(),
        consumer.peek_known(&mut [0; 2], 1).err(),
        consumer.has_record().err(),
        consumer.position().err(),
        consumer.available().err(),
        consumer.release(&[0; 2], 0).err(),
    ] {
        assert_tells(&error.expect("it stays unusable"), at, word);
    }
    assert!(write(&mut real.producer, 1, 8), "the producer goes on");
    real.replace_consumer().unwrap();
    let received = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
    assert_eq!(received.last().unwrap().1, payload(1, 8));
    assert_eq!(received.len(), 2);
}

#[test]
fn a_length_past_the_tail_or_the_end_is_refused_though_its_check_is_right() {
    for (what, position, length) in [
        ("one more than was published", 0, 57),
        ("past the tail, to the end of the buffer", 0, MAX),
        ("one more than the largest", 0, MAX + 1),
        ("the whole buffer", 0, CAPACITY as usize),
        ("past the tail, in the middle of the buffer", 1024, 1024),
        ("past the end by one word", CAPACITY - 64, 64),
        ("the largest, from the middle", CAPACITY - 64, MAX),
        ("2^30", 0, 1 << 30),
        ("2^31 - 1", 0, (1 << 31) - 1),
        ("2^31 - 1, in the last word but seven", CAPACITY - 64, (1 << 31) - 1),
    ] {
        println!("{what}");
        assert_refuses(one_record(position), position, Header::Record(length).encode(position));
    }
}

#[test]
fn lengths_of_32_bits_are_no_lengths() {
    // Bit 31 says padding: 2^31 is padding of length 0, 2^32 - 1 padding of the greatest length.
    for low in [1_u64 << 31, (1 << 32) - 1] {
        for check in [0, 0x1234] {
            assert_refuses(one_record(4096), 4096, low | check << 48);
        }
    }
    assert_refuses(one_record(4096), 4096, Header::Padding(0).encode(4096));
    assert_refuses(one_record(4096), 4096, Header::Padding((1 << 31) - 1).encode(4096));
}

#[test]
fn padding_that_does_not_end_where_the_buffer_does_is_refused_though_its_check_is_right() {
    for (what, position, length) in [
        ("of length 0", 0, 0),
        ("of length 0 behind the start", 1024, 0),
        ("to the tail", 0, 56),
        ("to the tail, behind the start", 1024, 56),
        ("not to the end", CAPACITY - 64, 48),
        ("of 7 bytes, which end as 8 would but not at the end", CAPACITY - 64, 7),
        ("past the end by one word", CAPACITY - 64, 64),
        ("to the end and past the tail", CAPACITY - 128, 120),
        ("to the end, from the start", 0, MAX),
        ("round the ring", 0, CAPACITY as usize),
        ("2^31 - 1", CAPACITY - 64, (1 << 31) - 1),
    ] {
        println!("{what}");
        assert_refuses(one_record(position), position, Header::Padding(length).encode(position));
    }
}

#[test]
fn a_chain_of_padding_round_the_ring_ends_with_an_error_and_not_never() {
    // To the end of the buffer, then over all of it or as much of it as was published.
    for (head, second) in [(CAPACITY - 8, MAX - 8), (CAPACITY - 8, MAX), (CAPACITY, MAX)] {
        let mut real = ring(head);
        publish(&real, head + CAPACITY);
        let put = |position, header: Header| {
            real.memory.set(offset(&real, position), header.encode(position));
        };
        put(CAPACITY - 8, Header::Padding(0));
        put(CAPACITY, Header::Padding(second));
        real.memory.count_operations_anew();
        let word = real.memory.get(real.layout.data);
        let error = real.consumer.peek(&mut [0; 2], 1, true).unwrap_err();
        assert_tells(&error, real.layout.data, word);
    }
}

#[test]
fn a_word_that_is_no_header_of_its_position_is_refused() {
    let right = Header::Record(56).encode(8192);
    for (what, word) in [
        ("zero", 0),
        ("one", 1),
        ("all ones", u64::MAX),
        ("a length without a check", 56),
        ("the header of the lap before", Header::Record(56).encode(4096)),
        ("the header of its neighbour", Header::Record(56).encode(8200)),
        ("a tag that its check does not know of", right | 1 << 32),
    ] {
        println!("{what}");
        assert_refuses(one_record(8192), 8192, word);
    }
    for bit in 0..64 {
        assert_refuses(one_record(8192), 8192, right ^ 1 << bit);
    }
}

#[test]
fn a_record_with_a_tag_of_a_later_version_is_delivered_like_any_other() {
    for tag in [1, 0x8000, 0xffff] {
        let mut real = ring(8192);
        assert!(write(&mut real.producer, 3, 56));
        real.memory.set(offset(&real, 8192), Header::Record(56).encode_tagged(8192, tag));
        let received = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
        assert_eq!(received, [(8192, payload(3, 56))]);
    }
}

#[test]
fn records_of_length_0_7_8_and_the_largest_are_delivered() {
    for length in [0, 7, 8, MAX] {
        for position in [0, 8192, 1 << 53] {
            let mut real = ring(position);
            assert!(write(&mut real.producer, 3, length));
            let received = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
            assert_eq!(received, [(position, payload(3, length))]);
        }
    }
}

#[test]
fn a_ring_full_of_empty_records_is_delivered_whole() {
    let mut real = ring(CAPACITY / 2);
    let count = (CAPACITY / 8) as usize;
    assert!((0..count).all(|number| write(&mut real.producer, number, 0)));
    assert!(!write(&mut real.producer, count, 0));
    real.memory.count_operations_anew();
    let mut received = Vec::new();
    while received.len() < count {
        real.memory.count_operations_anew();
        received.extend(look(&real.memory, &real.layout, &mut real.consumer));
    }
    let expected: Vec<_> = (0..count as u64).map(|index| (CAPACITY / 2 + 8 * index, vec![])).collect();
    assert_eq!(received, expected);
}

#[test]
fn padding_of_length_0_in_the_last_word_is_skipped() {
    let mut real = ring(CAPACITY - 8);
    assert!(write(&mut real.producer, 1, 16));
    assert_eq!(
        Header::decode(CAPACITY - 8, real.memory.get(offset(&real, CAPACITY - 8))),
        Some(Header::Padding(0))
    );
    let received = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
    assert_eq!(received, [(CAPACITY, payload(1, 16))]);
}

#[test]
fn what_stands_before_the_damage_is_delivered_and_what_stands_behind_it_is_not() {
    let mut real = ring(0);
    assert!((0..5).all(|number| write(&mut real.producer, number, 24)));
    let at = offset(&real, 3 * 32);
    let word = real.memory.get(at) ^ 1 << 40;
    real.memory.set(at, word);
    let received = look(&real.memory, &real.layout, &mut real.consumer);
    let expected: Vec<_> = (0..3).map(|number| (32 * number as u64, payload(number, 24))).collect();
    assert_eq!(received, expected);
    assert_eq!(real.head(), 96, "and released");
    assert_tells(&real.consumer.peek(&mut [0; 2], 1, true).unwrap_err(), at, word);
}
