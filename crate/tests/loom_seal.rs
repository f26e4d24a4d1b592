//! The end of a sealed ring: a reader that has seen the seal, then nobody writing, then nothing, has
//! seen everything that was ever acknowledged.

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use loom::thread;
use shmring::error::Code;
use shmring::layout::slot;
use shmring::memory::Memory;
use shmring::ring::spsc::{Consumer, Payload, Producer};
use shmring::sleep::Bell;
use support::asymmetric::{Asymmetric, Membarrier};
use support::looming::{LoomMemory, word};
use support::model::{STRANDED, fails, fails_within, outcomes, outcomes_within};
use support::records::{look_until_empty, payload};
use support::weaken::{Weaken, Weakened};

const LOST: &str = "an acknowledged record came after the end";

/// Writes one record; false when the ring is sealed.
fn write_unless_sealed<M: Memory>(producer: &mut Producer<M>) -> bool {
    let bytes = payload(0, 8);
    // SAFETY: the bytes outlive the call.
    match unsafe { producer.try_write(Payload::of(&bytes)) } {
        Ok(written) => written,
        Err(error) => {
            assert_eq!(error.code, Code::Sealed);
            false
        }
    }
}

/// Claims, and commits whatever has happened meanwhile; false when the ring is sealed.
fn claim_unless_sealed<M: Memory>(producer: &mut Producer<M>) -> bool {
    match producer.try_claim(8, 0) {
        Ok(claim) => {
            assert!(claim.is_some());
            producer.commit(None).unwrap();
            true
        }
        Err(error) => {
            assert_eq!(error.code, Code::Sealed);
            false
        }
    }
}

/// Two looks: how many records came before the end, if it came.
fn read_to_the_end<M: Memory>(memory: &M, of: &LoomMemory, consumer: &mut Consumer<M>) -> Option<usize> {
    (0..2).find_map(|_| {
        let over = consumer.is_sealed() && !consumer.producer_is_writing(false);
        over.then(|| look_until_empty(memory, of.layout(), consumer).len())
    })
}

fn seal(memory: &LoomMemory) {
    // ORDERING: Release, as in attached::Ring::seal.
    memory.store32(word::SEALED, 1, Ordering::Release);
}

/// Three threads: one writes, one seals, one reads to the end. Returns whether the record was
/// acknowledged, and how many were read by a reader that came to the end.
fn sealed(weakened: Weakened, write: fn(&mut Producer<LoomMemory>) -> bool) -> (bool, Option<usize>) {
    let memory = LoomMemory::new(64, 0, weakened);
    let mut producer = Producer::attach(memory.clone(), memory.layout()).unwrap();
    let mut consumer = Consumer::attach(memory.clone(), memory.layout()).unwrap();
    let writer = thread::spawn(move || write(&mut producer));
    let of_sealer = memory.clone();
    let sealer = thread::spawn(move || seal(&of_sealer));
    let read = read_to_the_end(&memory, &memory, &mut consumer);
    let acknowledged = writer.join().unwrap();
    sealer.join().unwrap();
    assert!(read.is_none_or(|count| count == usize::from(acknowledged)), "{LOST}");
    (acknowledged, read)
}

fn every_outcome() -> BTreeSet<(bool, Option<usize>)> {
    BTreeSet::from([(false, None), (false, Some(0)), (true, None), (true, Some(1))])
}

#[test]
fn a_reader_at_the_end_of_a_sealed_ring_has_every_acknowledged_record() {
    assert_eq!(outcomes(|| sealed(&[], write_unless_sealed)), every_outcome());
}

#[test]
fn a_reader_at_the_end_of_a_sealed_ring_has_every_claim_that_was_committed() {
    assert_eq!(outcomes(|| sealed(&[], claim_unless_sealed)), every_outcome());
}

#[test]
fn mutant_without_the_writers_fence_a_reader_misses_a_record() {
    fails(LOST, || sealed(&[Weaken::NoPublisherFence], write_unless_sealed));
}

#[test]
fn mutant_without_the_readers_fence_it_misses_a_record() {
    fails(LOST, || sealed(&[Weaken::NoSleeperFence], write_unless_sealed));
}

#[test]
fn mutant_a_relaxed_load_of_the_mark_lets_a_reader_miss_the_record_before_it() {
    fails(LOST, || sealed(&[Weaken::Load(word::WRITING)], write_unless_sealed));
}

#[test]
fn a_relaxed_seal_loses_nothing_while_the_fences_stand() {
    const RELAXED: Weakened = &[Weaken::Store(word::SEALED), Weaken::Load(word::SEALED)];
    assert_eq!(outcomes(|| sealed(RELAXED, write_unless_sealed)), every_outcome());
}

/// The same with a writer whose fence is for the compiler only.
fn sealed_past_the_asymmetric_barrier(barrier_works: bool, weakened: Weakened) -> (bool, Option<usize>) {
    let memory = LoomMemory::new(64, 0, weakened);
    let barrier = Membarrier::new(barrier_works);
    let party = |publisher| Asymmetric { memory: memory.clone(), barrier: barrier.clone(), publisher };
    let mut producer = Producer::attach(party(true), memory.layout()).unwrap();
    let mut consumer = Consumer::attach(party(false), memory.layout()).unwrap();
    let of_writer = barrier.clone();
    let writer = thread::spawn(move || {
        let acknowledged = write_unless_sealed(&mut producer);
        of_writer.end();
        acknowledged
    });
    let of_sealer = memory.clone();
    let sealer = thread::spawn(move || seal(&of_sealer));
    let read = read_to_the_end(&party(false), &memory, &mut consumer);
    let acknowledged = writer.join().unwrap();
    sealer.join().unwrap();
    assert!(read.is_none_or(|count| count == usize::from(acknowledged)), "{LOST}");
    (acknowledged, read)
}

#[test]
fn a_reader_behind_the_asymmetric_barrier_has_every_acknowledged_record_at_the_end() {
    assert_eq!(outcomes_within(4, || sealed_past_the_asymmetric_barrier(true, &[])), every_outcome());
}

#[test]
fn mutant_with_a_barrier_that_only_the_reader_executes_it_misses_a_record() {
    fails(LOST, || sealed_past_the_asymmetric_barrier(false, &[]));
}

/// The barrier of the reader is refused when the ring is sealed: it asks for full fences, waits if it is
/// `patient`, and looks again.
fn sealed_where_the_barrier_is_refused(patient: bool) -> (bool, Option<usize>) {
    let memory = LoomMemory::new(64, 0, &[]);
    let barrier = Membarrier::refused();
    let party = |publisher| Asymmetric { memory: memory.clone(), barrier: barrier.clone(), publisher };
    let mut producer = Producer::attach(party(true), memory.layout()).unwrap();
    let mut consumer = Consumer::attach(party(false), memory.layout()).unwrap();
    let of_writer = barrier.clone();
    let writer = thread::spawn(move || {
        let acknowledged = write_unless_sealed(&mut producer);
        of_writer.end();
        acknowledged
    });
    let of_sealer = memory.clone();
    let sealer = thread::spawn(move || seal(&of_sealer));
    let mut read = None;
    if consumer.is_sealed() {
        assert!(consumer.producer_is_writing(false), "nothing is known of it");
        if patient {
            barrier.time_passes();
        }
        let over = !consumer.producer_is_writing(true);
        read = over.then(|| look_until_empty(&party(false), memory.layout(), &mut consumer).len());
    }
    let acknowledged = writer.join().unwrap();
    sealer.join().unwrap();
    assert!(read.is_none_or(|count| count == usize::from(acknowledged)), "{LOST}");
    (acknowledged, read)
}

#[test]
fn a_reader_whose_barrier_is_refused_has_every_acknowledged_record_at_the_end() {
    assert_eq!(outcomes_within(4, || sealed_where_the_barrier_is_refused(true)), every_outcome());
}

#[test]
fn mutant_a_reader_that_believes_the_mark_as_soon_as_it_has_asked_for_full_fences_misses_a_record() {
    fails(LOST, || sealed_where_the_barrier_is_refused(false));
}

#[test]
fn mutant_a_relaxed_store_of_the_mark_lets_a_reader_miss_the_record_before_it() {
    // Where the writer really fences after its publication, that fence stands in for the Release.
    fails_within(4, LOST, || sealed_past_the_asymmetric_barrier(true, &[Weaken::Store(word::WRITING)]));
}

/// A consumer without anything to read waits for the seal, for ever. The sealer rings as
/// attached::Ring::seal does.
fn sealed_while_asleep(weakened: Weakened) -> usize {
    let memory = LoomMemory::new(64, 0, weakened);
    let mut consumer = Consumer::attach(memory.clone(), memory.layout()).unwrap();
    let of_sealer = memory.clone();
    let sealer = thread::spawn(move || {
        seal(&of_sealer);
        Bell::ring_anyway(&of_sealer, word::CONSUMER);
    });
    while !consumer.is_sealed() {
        let announced = consumer.announce_sleep();
        let sealed = consumer.is_sealed();
        let (sleeper, memory) = consumer.sleeper();
        if !sealed {
            sleeper.sleep(memory, &announced, Duration::MAX);
        }
        sleeper.leave(memory, announced);
    }
    sealer.join().unwrap();
    memory.sleeps()
}

#[test]
fn a_sleeping_consumer_hears_of_the_seal() {
    for weakened in [[].as_slice(), &[Weaken::NoPublisherFence]] {
        assert_eq!(outcomes(move || sealed_while_asleep(weakened)), BTreeSet::from([0, 1]));
    }
}

#[test]
fn mutant_a_relaxed_ring_lets_a_sleeper_see_the_new_epoch_before_the_seal() {
    // Where the sealer really fences before it rings, that fence stands in for the Release.
    const RELAXED: Weakened = &[Weaken::NoPublisherFence, Weaken::Update(word::CONSUMER + slot::EPOCH)];
    fails(STRANDED, || sealed_while_asleep(RELAXED));
}
