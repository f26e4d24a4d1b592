//! The sleep protocol and the seal through the real chain: a consumer that sleeps at an empty ring or at
//! a hole, writers that sleep until there is room, and a seal while several write. Sleep has no time limit
//! here, so a wake that is lost is a deadlock, which loom reports.

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use loom::thread;
use shmring::error::Code;
use shmring::layout::{CONSUMER_SLOT, Layout, control, slot};
use shmring::memory::Memory;
use shmring::ring::mpsc::{Consumer, Producer, repair};
use support::looming::{About, LoomMemory};
use support::model::{STRANDED, fails, outcomes_within};
use support::small::{Id, granules, layout, peek, write};
use support::weaken::{Weaken, Weakened};

const LAYOUT: Layout = layout(4, 3);
const ONE: usize = granules(1);
const SOUND: Weakened = &[];

const fn id(writer: usize, length: usize) -> Id {
    Id { writer, number: 1, length }
}

fn ring(weakened: Weakened) -> (LoomMemory, Consumer<LoomMemory>) {
    let memory = LoomMemory::mpsc(LAYOUT, 0, About::Sleep, weakened);
    let consumer = Consumer::attach(memory.clone(), &LAYOUT).unwrap();
    (memory, consumer)
}

fn attach(memory: &LoomMemory, slot: u32) -> Producer<LoomMemory> {
    Producer::attach(memory.clone(), &LAYOUT, slot).unwrap()
}

fn look(memory: &LoomMemory, consumer: &mut Consumer<LoomMemory>) -> usize {
    let count = peek(memory, &LAYOUT, consumer, 8).unwrap().len();
    consumer.release(count).unwrap();
    count
}

/// As attached::Consumer::wait does it, but for ever, and without ever looking at a lock.
fn wait_for_a_record(consumer: &mut Consumer<LoomMemory>) {
    while !consumer.has_record().unwrap() {
        let blocked = consumer.blocked().unwrap();
        let announced = consumer.announce_sleep(blocked);
        let news = consumer.has_record().unwrap() || consumer.blocked().unwrap() != blocked;
        let (sleeper, memory) = consumer.sleeper();
        if !news {
            sleeper.sleep(memory, &announced, Duration::MAX);
        }
        sleeper.leave(memory, announced);
    }
}

/// As attached::Producer::wait_for_room does it, but for ever.
fn wait_for_room(producer: &mut Producer<LoomMemory>, length: usize) {
    while !producer.has_room(length).unwrap() {
        let announced = producer.announce_sleep(length);
        if !producer.has_room(length).unwrap() {
            let (sleeper, memory) = producer.sleeper();
            sleeper.sleep(memory, &announced, Duration::MAX);
        }
        producer.end_sleep(announced);
    }
}

fn receive(memory: &LoomMemory, consumer: &mut Consumer<LoomMemory>, count: usize) {
    let mut received = 0;
    while received < count {
        wait_for_a_record(consumer);
        received += look(memory, consumer);
    }
    assert_eq!(received, count);
}

/// Two writers with a record each. Returns how often the consumer slept.
fn records_for_a_sleeper(weakened: Weakened) -> usize {
    let (memory, mut consumer) = ring(weakened);
    let writers = [1, 2].map(|slot| {
        let mut producer = attach(&memory, slot);
        thread::spawn(move || assert!(write(&mut producer, id(slot as usize, 20)).unwrap()))
    });
    receive(&memory, &mut consumer, 2);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    memory.sleeps()
}

#[test]
fn a_consumer_that_sleeps_at_an_empty_ring_hears_of_every_writers_record() {
    let found = outcomes_within(2, || records_for_a_sleeper(SOUND));
    assert!(found.contains(&0) && found.contains(&1) && found.contains(&2), "{found:?}");
}

#[test]
fn mutant_without_the_publishers_fence_a_consumer_sleeps_on_a_record() {
    fails(STRANDED, || records_for_a_sleeper(&[Weaken::NoPublisherFence]));
}

#[test]
fn mutant_without_the_sleepers_fence_a_consumer_sleeps_on_a_record() {
    fails(STRANDED, || records_for_a_sleeper(&[Weaken::NoSleeperFence]));
}

/// One writer has a claim open, and there is another's record behind it, or will be. `settle` ends the
/// claim; how many records there are then, is told by `count`.
fn hole(weakened: Weakened, count: usize, settle: fn(&mut Producer<LoomMemory>)) -> usize {
    let (memory, mut consumer) = ring(weakened);
    let (mut first, mut second) = (attach(&memory, 1), attach(&memory, 2));
    assert!(first.try_claim(20, 0).unwrap().is_some());
    let of_second = thread::spawn(move || assert!(write(&mut second, id(2, 20)).unwrap()));
    let of_first = thread::spawn(move || settle(&mut first));
    receive(&memory, &mut consumer, count);
    of_first.join().unwrap();
    of_second.join().unwrap();
    memory.sleeps()
}

fn abort(producer: &mut Producer<LoomMemory>) {
    producer.abort().unwrap();
}

#[test]
fn a_consumer_that_sleeps_at_a_hole_hears_when_it_is_given_back() {
    let found = outcomes_within(2, || hole(SOUND, 1, abort));
    assert!(found.contains(&0) && found.contains(&1), "{found:?}");
}

#[test]
fn a_consumer_that_sleeps_at_a_hole_hears_when_its_owner_leaves_it() {
    let found = outcomes_within(2, || hole(SOUND, 1, Producer::abandon));
    assert!(found.contains(&0) && found.contains(&1), "{found:?}");
}

#[test]
fn mutant_without_the_publishers_fence_a_consumer_sleeps_at_a_hole_that_is_gone() {
    fails(STRANDED, || hole(&[Weaken::NoPublisherFence], 1, abort));
}

#[test]
fn mutant_without_a_new_epoch_a_consumer_sleeps_at_a_hole_that_is_gone() {
    const EPOCH: usize = LAYOUT.slot(CONSUMER_SLOT) + slot::EPOCH;
    fails(STRANDED, || hole(&[Weaken::NoUpdate(EPOCH)], 1, abort));
}

#[test]
fn a_consumer_that_sleeps_at_the_hole_of_one_is_not_woken_by_another() {
    let (slept, awake) = (false, true);
    let found = outcomes_within(2, move || {
        let (memory, mut consumer) = ring(SOUND);
        let (mut first, mut second) = (attach(&memory, 1), attach(&memory, 2));
        assert!(first.try_claim(20, 0).unwrap().is_some());
        let blocked = consumer.blocked().unwrap();
        let announced = consumer.announce_sleep(blocked);
        let writer = thread::spawn(move || assert!(write(&mut second, id(2, 20)).unwrap()));
        let still = consumer.blocked().unwrap() == blocked;
        writer.join().unwrap();
        consumer.sleeper().0.leave(&memory, announced);
        // ORDERING: Relaxed; the thread is joined.
        let rung = memory.load32(LAYOUT.slot(CONSUMER_SLOT) + slot::EPOCH, Ordering::Relaxed) != 0;
        assert!(still);
        if rung { awake } else { slept }
    });
    assert_eq!(found, BTreeSet::from([slept]));
}

#[test]
fn a_consumer_that_sleeps_at_the_hole_of_a_dead_owner_is_woken_by_whoever_recovers() {
    let found = outcomes_within(3, || {
        let (memory, mut consumer) = ring(SOUND);
        let (mut dead, mut other) = (attach(&memory, 1), attach(&memory, 2));
        assert!(dead.try_claim(20, 0).unwrap().is_some());
        assert!(write(&mut other, id(2, 20)).unwrap());
        let of_recoverer = memory.clone();
        let recoverer = thread::spawn(move || {
            assert_eq!(repair(&of_recoverer, &LAYOUT, |slot| Ok(slot != 1)).unwrap().reservations, 1);
        });
        receive(&memory, &mut consumer, 1);
        recoverer.join().unwrap();
        memory.sleeps()
    });
    assert_eq!(found, BTreeSet::from([0, 1]));
}

/// The ring is full, two writers want to write one record more each, and the consumer takes two.
fn room_for_sleepers(weakened: Weakened) -> usize {
    let (memory, mut consumer) = ring(weakened);
    let mut producers = [1, 2].map(|slot| attach(&memory, slot));
    (0..4)
        .for_each(|number| assert!(write(&mut producers[0], Id { writer: 1, number, length: ONE }).unwrap()));
    let writers = producers.map(|mut producer| {
        thread::spawn(move || {
            // Another may have been faster.
            while !write(&mut producer, id(3, ONE)).unwrap() {
                wait_for_room(&mut producer, ONE);
            }
        })
    });
    (0..2).for_each(|_| assert_eq!(look(&memory, &mut consumer), 1));
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    memory.sleeps()
}

#[test]
fn writers_that_sleep_until_there_is_room_all_hear_of_theirs() {
    let found = outcomes_within(2, || room_for_sleepers(SOUND));
    assert!(found.contains(&0) && found.contains(&2), "{found:?}");
}

#[test]
fn mutant_without_the_releasing_consumers_fence_a_writer_sleeps_on_room() {
    fails(STRANDED, || room_for_sleepers(&[Weaken::NoPublisherFence]));
}

#[test]
fn relaxed_words_of_sleepers_strand_nobody_while_the_fences_stand() {
    const RELAXED: Weakened = &[
        Weaken::Load(LAYOUT.slot(CONSUMER_SLOT) + slot::SLEEP),
        Weaken::Store(LAYOUT.slot(CONSUMER_SLOT) + slot::SLEEP),
        Weaken::Update(LAYOUT.slot(CONSUMER_SLOT) + slot::EPOCH),
    ];
    outcomes_within(2, || records_for_a_sleeper(RELAXED));
}

const LOST: &str = "an acknowledged record came after the end";

/// Two writers, one of which seals first, and a reader that goes by the marks. Returns how many records were
/// acknowledged, and how many were read by a reader that came to the end.
fn sealed(weakened: Weakened) -> (usize, Option<usize>) {
    let (memory, mut consumer) = ring(weakened);
    let [mut first, mut second] = [1, 2].map(|slot| attach(&memory, slot));
    let write_one = |producer: &mut Producer<LoomMemory>| match write(producer, id(1, 20)) {
        Ok(written) => usize::from(written),
        Err(error) => {
            assert_eq!(error.code, Code::Sealed);
            0
        }
    };
    let of_sealer = memory.clone();
    let sealer = thread::spawn(move || {
        // ORDERING: Release, as in attached::Ring::seal.
        of_sealer.store32(control::SEALED, 1, Ordering::Release);
        write_one(&mut second)
    });
    // The reader is the last that loom runs; see loom_mpsc.rs.
    let reader = thread::spawn(move || {
        let over = consumer.is_sealed() && consumer.writing(false).is_empty();
        over.then(|| {
            let mut read = 0;
            while consumer.has_record().unwrap() {
                read += look(&memory, &mut consumer);
            }
            read
        })
    });
    let acknowledged = write_one(&mut first) + sealer.join().unwrap();
    let read = reader.join().unwrap();
    assert!(read.is_none_or(|read| read == acknowledged), "{LOST}");
    (acknowledged, read)
}

#[test]
fn a_reader_at_the_end_of_a_sealed_ring_has_every_writers_records() {
    let found = outcomes_within(2, || sealed(SOUND));
    assert_eq!(found, BTreeSet::from([(0, None), (0, Some(0)), (1, None), (1, Some(1))]));
}

#[test]
fn mutant_without_the_writers_fence_a_reader_misses_a_record() {
    fails(LOST, || sealed(&[Weaken::NoPublisherFence]));
}

#[test]
fn mutant_without_the_readers_fence_it_misses_a_record() {
    fails(LOST, || sealed(&[Weaken::NoSleeperFence]));
}
