//! Heads and tails that cannot be true: whoever reads one refuses it with offset, expected and found,
//! for good, and nobody else is disturbed. Tried at the beginning of a stream and wherever somebody's
//! integers end.

mod support;

use shmring::error::{Code, Detail, Error};
use shmring::layout::{Kind, Layout, control};
use support::records::{look_until_empty, payload, write};
use support::spsc_real::Real;

const CAPACITY: u64 = 4096;
/// The largest position that is believed.
const LAST: u64 = 1 << 62;

/// Where the stream is when it is damaged: a record of 56 bytes waits there.
const STREAMS: [u64; 9] = [
    8192,
    (1 << 31) - 64,
    1 << 31,
    (1 << 32) - 64,
    1 << 32,
    (1 << 53) - 64,
    1 << 53,
    LAST - 8192 - 64,
    LAST - 8192,
];

fn one_record(position: u64) -> Real {
    let mut real = Real::new(Layout::new(Kind::Spsc, CAPACITY).unwrap(), position);
    assert!(write(&mut real.producer, 0, 56));
    assert_eq!(real.consumer.available().unwrap(), 64);
    real
}

/// Whatever the stream, these are wrong for either word; beside them, what is wrong at `position`.
fn with_far_ones(position: u64, near: &[u64]) -> Vec<u64> {
    // An edge at which the stream is may be right there.
    let far = |&at: &u64| at.abs_diff(position) > 2 * CAPACITY;
    let ends = [0, 1 << 31, 1 << 32, 1 << 53, LAST, LAST + 8, 1 << 63, u64::MAX - 7, u64::MAX];
    near.iter().copied().chain(ends.into_iter().filter(far)).collect()
}

#[track_caller]
fn assert_tells(error: &Error, at: usize, found: u64) {
    assert_eq!(error.code, Code::Corrupt, "{error}");
    for detail in [("offset", Detail::from(at)), ("found", Detail::from(found))] {
        assert!(error.details.contains(&detail), "{detail:?} in {error}");
    }
    assert!(error.details.iter().any(|(name, _)| *name == "expected"), "{error}");
}

fn tail_at(real: &Real) -> usize {
    real.layout.control + control::TAIL
}

fn head_at(real: &Real) -> usize {
    real.layout.control + control::HEAD
}

#[test]
fn a_consumer_refuses_a_tail_that_went_back_is_unaligned_or_leads_by_more_than_the_ring() {
    for head in STREAMS {
        let tail = head + 64;
        let wrong = [
            head,                // back to the head
            tail - 8,            // back a word
            head - 8,            // before the head
            tail - CAPACITY,     // back a lap
            tail + 1,            // unaligned
            tail + 4,            // unaligned
            head + CAPACITY + 8, // more than the ring before the head
            tail + CAPACITY,     // a lap on
        ];
        for wrong in with_far_ones(head, &wrong) {
            let mut real = one_record(head);
            let at = tail_at(&real);
            real.memory.set(at, wrong);
            assert_tells(&real.consumer.available().unwrap_err(), at, wrong);
            // Right again it helps nobody but a successor. The producer has not even looked.
            assert!(write(&mut real.producer, 1, 8));
            for error in [
                real.consumer.available().err(),
                real.consumer.peek(&mut [0; 2], 1, true).err(),
                real.consumer.release(&[0; 2], 0).err(),
            ] {
                assert_tells(&error.unwrap(), at, wrong);
            }
            real.replace_consumer().unwrap();
            let received = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
            assert_eq!(received, [(head, payload(0, 56)), (tail, payload(1, 8))]);
        }
    }
}

#[test]
fn a_producer_refuses_a_head_that_went_back_is_unaligned_or_passed_its_tail() {
    for position in STREAMS {
        let tail = position + 64;
        let wrong = [
            position - 8,        // back a word
            position - CAPACITY, // back a lap
            position + 1,        // unaligned
            position + 4,        // unaligned
            tail + 8,            // past the tail by a word
            tail + CAPACITY,     // past the tail by a lap
        ];
        for wrong in with_far_ones(position, &wrong) {
            let mut real = one_record(position);
            let at = head_at(&real);
            real.memory.set(at, wrong);
            assert_tells(&real.producer.is_released(tail).unwrap_err(), at, wrong);
            real.memory.set(at, position);
            // SAFETY: an empty payload.
            let written = unsafe { real.producer.try_write(shmring::ring::spsc::Payload::of(&[])) };
            for error in [
                written.map(drop).err(),
                real.producer.is_released(tail).map(drop).err(),
                real.producer.has_room(8).map(drop).err(),
                real.producer.try_claim(8, 0).map(drop).err(),
            ] {
                assert_tells(&error.unwrap(), at, wrong);
            }
            // What was acknowledged is there all the same, and a successor goes on behind it.
            real.replace_producer().unwrap();
            assert!(write(&mut real.producer, 1, 8));
            let received = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
            assert_eq!(received, [(position, payload(0, 56)), (tail, payload(1, 8))]);
        }
    }
}

#[test]
fn a_producer_that_finds_a_wrong_head_drops_its_claim() {
    let mut real = one_record(8192);
    assert!(real.producer.try_claim(3000, 0).unwrap().is_some());
    real.memory.set(head_at(&real), 8196);
    assert_eq!(real.producer.is_released(1 << 40).unwrap_err().code, Code::Corrupt);
    assert!(!real.producer.has_claim());
    assert_eq!(real.producer.commit(None).unwrap_err().code, Code::Corrupt);
    assert_eq!(real.tail(), 8192 + 64, "nothing was published");
}

#[test]
fn a_consumer_does_not_attach_to_a_head_or_tail_that_cannot_be_true() {
    for head in STREAMS {
        let tail = head + 64;
        for (wrong_head, wrong_tail) in [
            (head + 1, tail),            // unaligned
            (head, tail + 1),            // unaligned
            (tail + 8, tail),            // tail < head
            (head, head - 8),            // tail < head
            (head, head + CAPACITY + 8), // tail - head > capacity
            (head - CAPACITY, tail),     // tail - head > capacity
            (head, u64::MAX - 7),
            (u64::MAX - 7, tail),
            (u64::MAX - 7, u64::MAX - 7),
            (LAST + 8, LAST + 8),
            (1 << 63, 1 << 63),
        ] {
            let mut real = one_record(head);
            let (head_at, tail_at) = (head_at(&real), tail_at(&real));
            real.memory.set(head_at, wrong_head);
            real.memory.set(tail_at, wrong_tail);
            let error = real.replace_consumer().unwrap_err();
            assert_eq!(error.code, Code::Corrupt, "{wrong_head} {wrong_tail}");
            assert!(error.details.iter().any(|(name, _)| *name == "offset"), "{error}");
            real.memory.set(head_at, head);
            real.memory.set(tail_at, tail);
            real.replace_consumer().unwrap();
            let received = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
            assert_eq!(received, [(head, payload(0, 56))]);
        }
    }
}

#[test]
fn a_producer_does_not_attach_to_a_head_or_tail_that_cannot_be_true() {
    for head in STREAMS {
        // Three records: the ledger knows the last two tails.
        let tail = head + 64 + 16 + 16;
        for (wrong_head, wrong_tail) in [
            (head + 1, tail),            // unaligned
            (head, tail + 1),            // unaligned
            (tail + 8, tail),            // tail < head
            (head, head - 8),            // tail < head
            (head, head),                // of no entry of the ledger
            (head, tail + 8),            // of no entry of the ledger
            (head, head + CAPACITY + 8), // tail - head > capacity
            (tail - CAPACITY - 8, tail), // tail - head > capacity
            (head, u64::MAX - 7),
            (u64::MAX - 7, tail),
            (u64::MAX - 7, u64::MAX - 7),
            (LAST + 8, LAST + 8),
            (1 << 63, 1 << 63),
        ] {
            let mut real = one_record(head);
            assert!(write(&mut real.producer, 1, 8) && write(&mut real.producer, 2, 8));
            let (head_at, tail_at) = (head_at(&real), tail_at(&real));
            real.memory.set(head_at, wrong_head);
            real.memory.set(tail_at, wrong_tail);
            let error = real.replace_producer().unwrap_err();
            assert_eq!(error.code, Code::Corrupt, "{wrong_head} {wrong_tail}");
            assert!(error.details.iter().any(|(name, _)| *name == "offset"), "{error}");
            real.memory.set(head_at, head);
            real.memory.set(tail_at, tail);
            real.replace_producer().unwrap();
            assert!(write(&mut real.producer, 3, 8));
            let received = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
            assert_eq!(received.len(), 4);
        }
    }
}

#[test]
fn a_producer_does_not_attach_to_a_head_before_the_stream() {
    for head in [u64::MAX - 7, 8, 1] {
        let mut real = Real::new(Layout::new(Kind::Spsc, CAPACITY).unwrap(), 0);
        real.memory.set(head_at(&real), head);
        assert_eq!(real.replace_producer().unwrap_err().code, Code::Corrupt, "head {head}");
    }
}

/// A consumer that holds the record, and whose head has become `found`, releases it.
fn released_over(position: u64, found: u64) -> (Real, Error) {
    let mut real = one_record(position);
    let mut ranges = [0; 2];
    assert_eq!(real.consumer.peek(&mut ranges, 1, true).unwrap().count, 1);
    real.memory.set(head_at(&real), found);
    let error = real.consumer.release(&ranges, 1).unwrap_err();
    (real, error)
}

#[test]
fn a_consumer_whose_head_was_overwritten_refuses_to_go_on_and_repairs_nothing() {
    for position in STREAMS {
        for found in [position - 8, position - CAPACITY, position + 1, position + 4, LAST + 8, u64::MAX] {
            let (mut real, error) = released_over(position, found);
            assert_tells(&error, head_at(&real), found);
            assert_eq!(real.consumer.has_record().unwrap_err(), error);
            assert_eq!(real.head(), found);
            // It was not released: the next consumer gets it again.
            real.memory.set(head_at(&real), position);
            real.replace_consumer().unwrap();
            let received = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
            assert_eq!(received, [(position, payload(0, 56))]);
        }
    }
}

#[test]
fn a_head_that_another_consumer_could_have_moved_is_fenced() {
    for found in [8192 + 64, 8192 + 8, 8192 + 10 * CAPACITY] {
        let (mut real, error) = released_over(8192, found);
        assert_eq!(error.code, Code::Fenced);
        assert!(error.details.contains(&("offset", Detail::from(head_at(&real)))));
        assert_eq!(real.consumer.has_record().unwrap_err().code, Code::Fenced);
    }
}
