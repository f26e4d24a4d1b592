//! The real producer and consumer under every interleaving and every value that weak memory allows:
//! order, whole payloads, padding, a full ring, batches and claims.
//!
//! Every test runs twice: as it is, and on a memory without any fence (`BARE`). Fences belong to the
//! sleep protocol and to the ledger; the records must not lean on them, since the publisher's is a
//! compiler fence on the machine. The mutants that take one ordering away do so on the bare memory,
//! where nothing else can stand in for it.

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use loom::thread;
use shmring::error::Code;
use shmring::memory::Memory;
use shmring::ring::spsc::{Consumer, Payload, Producer};
use support::looming::{LoomMemory, word};
use support::model::{RACE, fails, outcomes};
use support::records::{Record, look, look_until_empty, payload, write};
use support::weaken::{Weaken, Weakened};

const SOUND: Weakened = &[];
const BARE: Weakened =
    &[Weaken::NoPublisherFence, Weaken::NoFence(Ordering::Release), Weaken::NoFence(Ordering::Acquire)];

/// [`BARE`] and one promise less.
macro_rules! bare_and {
    ($weaken:expr) => {
        &[
            Weaken::NoPublisherFence,
            Weaken::NoFence(Ordering::Release),
            Weaken::NoFence(Ordering::Acquire),
            $weaken,
        ]
    };
}

struct Ring {
    memory: LoomMemory,
    producer: Producer<LoomMemory>,
    consumer: Consumer<LoomMemory>,
}

fn ring(capacity: usize, position: u64, weakened: Weakened) -> Ring {
    let memory = LoomMemory::new(capacity, position, weakened);
    let producer = Producer::attach(memory.clone(), memory.layout()).unwrap();
    let consumer = Consumer::attach(memory.clone(), memory.layout()).unwrap();
    Ring { memory, producer, consumer }
}

/// One thread tries to write records of `lengths` until one is refused, the other looks `looks`
/// times; afterwards the rest is read. Returns how many records were accepted, and how many of them
/// were received while the other thread ran.
fn stream(ring: Ring, lengths: &'static [usize], looks: usize) -> (usize, usize) {
    let Ring { memory, mut producer, mut consumer } = ring;
    let writer = thread::spawn(move || {
        lengths
            .iter()
            .enumerate()
            .take_while(|&(number, &length)| write(&mut producer, number, length))
            .count()
    });
    let mut records: Vec<Record> =
        (0..looks).flat_map(|_| look(&memory, memory.layout(), &mut consumer)).collect();
    let meanwhile = records.len();
    let accepted = writer.join().unwrap();
    records.extend(look_until_empty(&memory, memory.layout(), &mut consumer));

    let payloads: Vec<_> = records.iter().map(|(_, bytes)| bytes.clone()).collect();
    let expected: Vec<_> = (0..accepted).map(|number| payload(number, lengths[number])).collect();
    assert_eq!(payloads, expected, "order and payloads");
    assert!(records.is_sorted_by(|a, b| a.0 < b.0), "positions grow");
    (accepted, meanwhile)
}

/// Two records of 32 bytes fill the ring; the third needs the room of the first.
fn full_ring(weakened: Weakened) -> (usize, usize) {
    stream(ring(64, 0, weakened), &[24, 20, 24], 2)
}

#[test]
fn records_arrive_whole_and_in_order_while_released_room_is_written_again() {
    for weakened in [SOUND, BARE] {
        let found = outcomes(move || full_ring(weakened));
        assert!(found.contains(&(2, 0)), "the ring was never full: {found:?}");
        assert!(found.contains(&(3, 1)), "released room was never used: {found:?}");
        assert!(found.contains(&(3, 2)), "the consumer never kept up: {found:?}");
    }
}

#[test]
fn mutant_a_relaxed_store_of_the_tail_lets_the_consumer_read_what_is_still_being_written() {
    fails(RACE, || full_ring(bare_and!(Weaken::Store(word::TAIL))));
}

#[test]
fn mutant_a_relaxed_load_of_the_tail_lets_the_consumer_read_what_is_still_being_written() {
    fails(RACE, || full_ring(bare_and!(Weaken::Load(word::TAIL))));
}

#[test]
fn mutant_a_relaxed_exchange_of_the_head_lets_the_producer_overwrite_what_is_still_being_read() {
    fails(RACE, || full_ring(bare_and!(Weaken::Update(word::HEAD))));
}

#[test]
fn mutant_a_relaxed_load_of_the_head_lets_the_producer_overwrite_what_is_still_being_read() {
    fails(RACE, || full_ring(bare_and!(Weaken::Load(word::HEAD))));
}

/// 24 bytes are left before the end of the buffer, and the first record needs 32.
fn padded(weakened: Weakened) -> (usize, usize) {
    stream(ring(64, 40, weakened), &[24, 8], 2)
}

#[test]
fn a_record_behind_padding_arrives_whole_and_the_padding_is_given_back() {
    for weakened in [SOUND, BARE] {
        let found = outcomes(move || padded(weakened));
        assert!(found.contains(&(1, 0)), "the padding never took the second record's room: {found:?}");
        assert!(found.contains(&(2, 2)), "the padding was never released in time: {found:?}");
    }
}

#[test]
fn padding_and_the_record_behind_it_become_visible_at_once() {
    for weakened in [SOUND, BARE] {
        let found = outcomes(move || {
            let Ring { mut producer, mut consumer, .. } = ring(64, 40, weakened);
            let writer = thread::spawn(move || assert!(write(&mut producer, 0, 24)));
            let seen = consumer.available().unwrap();
            writer.join().unwrap();
            seen
        });
        assert_eq!(found, BTreeSet::from([0, 24 + 32]));
    }
}

#[test]
fn padding_that_does_not_fit_together_with_its_record_is_published_alone_and_clears_the_way() {
    for weakened in [SOUND, BARE] {
        let found = outcomes(move || {
            let Ring { memory, mut producer, mut consumer } = ring(64, 40, weakened);
            let writer = thread::spawn(move || {
                let accepted = write(&mut producer, 0, 40) || write(&mut producer, 0, 40);
                (producer, accepted)
            });
            let mut records = look(&memory, memory.layout(), &mut consumer);
            let (mut producer, accepted) = writer.join().unwrap();
            records.extend(look(&memory, memory.layout(), &mut consumer));
            if !accepted {
                assert!(records.is_empty());
                assert!(write(&mut producer, 0, 40), "the consumer looked, so the way is clear");
                records.extend(look(&memory, memory.layout(), &mut consumer));
            }
            assert_eq!(records, [(64, payload(0, 40))]);
            accepted
        });
        assert_eq!(found, BTreeSet::from([false, true]));
    }
}

#[test]
fn a_batch_is_seen_whole_or_not_at_all() {
    for weakened in [SOUND, BARE] {
        let found = outcomes(move || {
            // An eighth of 256 bytes: both records fit into one look.
            let Ring { memory, mut producer, mut consumer } = ring(256, 0, weakened);
            let writer = thread::spawn(move || {
                let (first, second) = (payload(0, 8), payload(1, 5));
                let batch = [Payload::of(&first), Payload::of(&second)];
                // SAFETY: the bytes outlive the call.
                assert_eq!(unsafe { producer.try_write_batch(&batch).unwrap() }, 2);
            });
            let mut records = look(&memory, memory.layout(), &mut consumer);
            let seen = records.len();
            writer.join().unwrap();
            records.extend(look_until_empty(&memory, memory.layout(), &mut consumer));
            assert_eq!(records, [(0, payload(0, 8)), (16, payload(1, 5))]);
            seen
        });
        assert_eq!(found, BTreeSet::from([0, 2]));
    }
}

/// A claim of 24 bytes, filled in place and committed with 8 of them.
fn claimed(weakened: Weakened) -> usize {
    let Ring { memory, mut producer, mut consumer } = ring(64, 0, weakened);
    let in_place = memory.clone();
    let writer = thread::spawn(move || {
        let start = producer.try_claim(24, 0).unwrap().unwrap();
        let bytes = payload(0, 24);
        // SAFETY: the claim is 24 bytes long.
        unsafe { in_place.copy_in(in_place.layout().data + start, bytes.as_ptr(), bytes.len()) };
        producer.commit(Some(8)).unwrap();
    });
    let mut records = look(&memory, memory.layout(), &mut consumer);
    let seen = records.len();
    writer.join().unwrap();
    records.extend(look_until_empty(&memory, memory.layout(), &mut consumer));
    assert_eq!(records, [(0, payload(0, 24)[..8].to_vec())]);
    seen
}

#[test]
fn a_claim_is_invisible_until_it_is_committed_and_whole_afterwards() {
    for weakened in [SOUND, BARE] {
        assert_eq!(outcomes(move || claimed(weakened)), BTreeSet::from([0, 1]));
    }
}

#[test]
fn mutant_a_relaxed_store_of_the_tail_lets_the_consumer_read_a_claim_that_is_still_being_filled() {
    fails(RACE, || claimed(bare_and!(Weaken::Store(word::TAIL))));
}

#[test]
fn the_successor_of_a_consumer_that_released_nothing_gets_everything_again() {
    for weakened in [SOUND, BARE] {
        let found = outcomes(move || {
            let Ring { memory, mut producer, mut consumer } = ring(64, 0, weakened);
            let writer =
                thread::spawn(move || (0..2).take_while(|&number| write(&mut producer, number, 8)).count());
            let seen = consumer.peek(&mut [0; 16], 8, true).unwrap().count;
            drop(consumer);
            let mut successor = Consumer::attach(memory.clone(), memory.layout()).unwrap();
            let mut records = look(&memory, memory.layout(), &mut successor);
            assert!(records.len() >= seen, "what its predecessor saw, it sees");
            assert_eq!(writer.join().unwrap(), 2);
            records.extend(look_until_empty(&memory, memory.layout(), &mut successor));
            assert_eq!(records, [(0, payload(0, 8)), (16, payload(1, 8))]);
            seen
        });
        assert_eq!(found, BTreeSet::from([0, 1]));
    }
}

#[test]
fn of_two_consumers_that_release_the_same_record_exactly_one_is_fenced() {
    // Locks keep a second one away; where they cannot be trusted, the head's exchange tells.
    let found = outcomes(|| {
        let Ring { memory, mut producer, consumer } = ring(64, 0, BARE);
        assert!(write(&mut producer, 0, 8));
        let take = |mut consumer: Consumer<LoomMemory>| {
            let mut ranges = [0; 2];
            assert_eq!(consumer.peek(&mut ranges, 1, true).unwrap().count, 1);
            let fenced = consumer.release(&ranges, 1).err().map(|error| error.code);
            assert_eq!(consumer.has_record().err().map(|error| error.code), fenced, "and stays so");
            fenced
        };
        let second = Consumer::attach(memory.clone(), memory.layout()).unwrap();
        let other = thread::spawn(move || take(second) == Some(Code::Fenced));
        let here = take(consumer) == Some(Code::Fenced);
        (here, other.join().unwrap())
    });
    assert_eq!(found, BTreeSet::from([(false, true), (true, false)]));
}
