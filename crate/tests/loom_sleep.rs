//! The sleep protocol through the real rings: nobody sleeps for ever. Sleep has no time limit here,
//! so a wake that is lost is a deadlock, which loom reports, and no slice hides it.

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use loom::thread;
use shmring::layout::{Layout, slot};
use shmring::memory::Memory;
use shmring::ring::spsc::{Consumer, Payload, Producer};
use support::asymmetric::{Asymmetric, Membarrier};
use support::looming::{LoomMemory, word};
use support::model::{STRANDED, fails, outcomes, outcomes_within};
use support::mortal::Mortal;
use support::records::{look, look_until_empty, payload, write};
use support::weaken::{Weaken, Weakened};

const SOUND: Weakened = &[];

/// As attached::Consumer::wait does it, but for ever.
fn wait_for_a_record<M: Memory>(consumer: &mut Consumer<M>) {
    while !consumer.has_record().unwrap() {
        let announced = consumer.announce_sleep();
        let found = consumer.has_record().unwrap();
        let (sleeper, memory) = consumer.sleeper();
        if !found {
            sleeper.sleep(memory, &announced, Duration::MAX);
        }
        sleeper.leave(memory, announced);
    }
}

/// As attached::Producer::wait_for_room does it, but for ever.
fn wait_for_room<M: Memory>(producer: &mut Producer<M>, length: usize) {
    while !producer.has_room(length).unwrap() {
        let announced = producer.announce_sleep(length);
        let room = producer.has_room(length).unwrap();
        let (sleeper, memory) = producer.sleeper();
        if !room {
            sleeper.sleep(memory, &announced, Duration::MAX);
        }
        sleeper.leave(memory, announced);
    }
}

/// Waits for and reads `count` records.
fn receive<M: Memory>(memory: &M, layout: &Layout, consumer: &mut Consumer<M>, count: usize) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while payloads.len() < count {
        wait_for_a_record(consumer);
        let records = look_until_empty(memory, layout, consumer);
        payloads.extend(records.into_iter().map(|(_, bytes)| bytes));
    }
    payloads
}

fn attach_producer(memory: &LoomMemory) -> Producer<LoomMemory> {
    Producer::attach(memory.clone(), memory.layout()).unwrap()
}

fn attach_consumer(memory: &LoomMemory) -> Consumer<LoomMemory> {
    Consumer::attach(memory.clone(), memory.layout()).unwrap()
}

/// A producer writes `count` records into a ring that holds them all. Returns how often the consumer
/// slept.
fn records_for_a_sleeper(count: usize, weakened: Weakened) -> usize {
    let memory = LoomMemory::new(64, 0, weakened);
    let mut producer = attach_producer(&memory);
    let mut consumer = attach_consumer(&memory);
    let writer = thread::spawn(move || {
        (0..count).for_each(|number| assert!(write(&mut producer, number, 8)));
    });
    let received = receive(&memory, memory.layout(), &mut consumer, count);
    assert_eq!(received, (0..count).map(|number| payload(number, 8)).collect::<Vec<_>>());
    writer.join().unwrap();
    memory.sleeps()
}

#[test]
fn a_consumer_that_sleeps_or_is_about_to_hears_of_every_record() {
    assert_eq!(outcomes(|| records_for_a_sleeper(1, SOUND)), BTreeSet::from([0, 1]));
    assert_eq!(outcomes_within(3, || records_for_a_sleeper(2, SOUND)), BTreeSet::from([0, 1, 2]));
}

#[test]
fn mutant_without_the_publishers_fence_a_consumer_sleeps_on_a_record() {
    fails(STRANDED, || records_for_a_sleeper(1, &[Weaken::NoPublisherFence]));
}

#[test]
fn mutant_without_the_sleepers_fence_a_consumer_sleeps_on_a_record() {
    fails(STRANDED, || records_for_a_sleeper(1, &[Weaken::NoSleeperFence]));
}

#[test]
fn mutant_without_a_new_epoch_a_ring_between_the_last_look_and_sleep_is_lost() {
    fails(STRANDED, || records_for_a_sleeper(1, &[Weaken::NoUpdate(word::CONSUMER + slot::EPOCH)]));
}

#[test]
fn mutant_without_a_wake_a_consumer_sleeps_on_a_record() {
    fails(STRANDED, || records_for_a_sleeper(1, &[Weaken::NoWake]));
}

/// The records' consumer and a producer whose own fence is for the compiler only.
fn records_past_the_asymmetric_barrier(barrier_works: bool) -> usize {
    let memory = LoomMemory::new(64, 0, SOUND);
    let layout = *memory.layout();
    let barrier = Membarrier::new(barrier_works);
    let party = |publisher| Asymmetric { memory: memory.clone(), barrier: barrier.clone(), publisher };
    let mut producer = Producer::attach(party(true), &layout).unwrap();
    let mut consumer = Consumer::attach(party(false), &layout).unwrap();
    let of_writer = barrier.clone();
    let writer = thread::spawn(move || {
        assert!(write(&mut producer, 0, 8));
        of_writer.end();
    });
    assert_eq!(receive(&party(false), &layout, &mut consumer, 1), [payload(0, 8)]);
    writer.join().unwrap();
    memory.sleeps()
}

#[test]
fn a_consumer_behind_the_asymmetric_barrier_hears_of_every_record() {
    let found = outcomes_within(3, || records_past_the_asymmetric_barrier(true));
    assert_eq!(found, BTreeSet::from([0, 1]));
}

#[test]
fn mutant_with_a_barrier_that_only_the_sleeper_executes_a_consumer_sleeps_on_a_record() {
    fails(STRANDED, || records_past_the_asymmetric_barrier(false));
}

/// The ring is full, the producer wants to write one record more, and the consumer takes all at once.
fn room_for_a_sleeper(weakened: Weakened) -> usize {
    let memory = LoomMemory::new(64, 0, weakened);
    let mut producer = attach_producer(&memory);
    let mut consumer = attach_consumer(&memory);
    (0..2).for_each(|number| assert!(write(&mut producer, number, 24)));
    let writer = thread::spawn(move || {
        wait_for_room(&mut producer, 24);
        assert!(write(&mut producer, 2, 24));
    });
    let mut received = look_until_empty(&memory, memory.layout(), &mut consumer);
    writer.join().unwrap();
    received.extend(look_until_empty(&memory, memory.layout(), &mut consumer));
    assert_eq!(received.len(), 3);
    memory.sleeps()
}

#[test]
fn a_producer_that_sleeps_or_is_about_to_hears_of_the_room_that_it_waits_for() {
    assert_eq!(outcomes(|| room_for_a_sleeper(SOUND)), BTreeSet::from([0, 1]));
}

#[test]
fn mutant_without_the_releasing_consumers_fence_a_producer_sleeps_on_room() {
    fails(STRANDED, || room_for_a_sleeper(&[Weaken::NoPublisherFence]));
}

/// The same with a consumer whose own fence is for the compiler only.
fn room_past_the_asymmetric_barrier(barrier_works: bool) -> usize {
    let memory = LoomMemory::new(64, 0, SOUND);
    let layout = *memory.layout();
    let barrier = Membarrier::new(barrier_works);
    let party = |publisher| Asymmetric { memory: memory.clone(), barrier: barrier.clone(), publisher };
    let mut producer = Producer::attach(party(false), &layout).unwrap();
    let mut consumer = Consumer::attach(party(true), &layout).unwrap();
    (0..2).for_each(|number| assert!(write(&mut producer, number, 24)));
    let (of_reader, behind) = (party(true), barrier.clone());
    let reader = thread::spawn(move || {
        assert_eq!(look_until_empty(&of_reader, &layout, &mut consumer).len(), 2);
        behind.end();
    });
    wait_for_room(&mut producer, 24);
    reader.join().unwrap();
    memory.sleeps()
}

#[test]
fn a_producer_behind_the_asymmetric_barrier_hears_of_the_room_that_it_waits_for() {
    let found = outcomes_within(3, || room_past_the_asymmetric_barrier(true));
    assert_eq!(found, BTreeSet::from([0, 1]));
}

#[test]
fn mutant_with_a_barrier_that_only_the_sleeper_executes_a_producer_sleeps_on_room() {
    // Where publishers really fence, has_room does so before it looks, and stands in for the sleeper's.
    fails(STRANDED, || room_past_the_asymmetric_barrier(false));
}

/// The producer waits for more room than the consumer's first release makes.
fn room_made_in_two_steps() -> usize {
    let memory = LoomMemory::new(64, 0, SOUND);
    let mut producer = attach_producer(&memory);
    let mut consumer = attach_consumer(&memory);
    (0..2).for_each(|number| assert!(write(&mut producer, number, 24)));
    let writer = thread::spawn(move || wait_for_room(&mut producer, 40));
    (0..2).for_each(|_| assert_eq!(look(&memory, memory.layout(), &mut consumer).len(), 1));
    writer.join().unwrap();
    memory.sleeps()
}

#[test]
fn a_producer_sleeps_once_however_many_releases_its_wish_takes() {
    assert_eq!(outcomes_within(3, room_made_in_two_steps), BTreeSet::from([0, 1]));
}

/// The room for two records, and three to write: each side may have to wait for the other.
fn both_sleep(position: u64, length: usize, count: usize) -> usize {
    let memory = LoomMemory::new(64, position, SOUND);
    let mut producer = attach_producer(&memory);
    let mut consumer = attach_consumer(&memory);
    let writer = thread::spawn(move || {
        for number in 0..count {
            wait_for_room(&mut producer, length);
            assert!(write(&mut producer, number, length));
        }
    });
    let received = receive(&memory, memory.layout(), &mut consumer, count);
    assert_eq!(received, (0..count).map(|number| payload(number, length)).collect::<Vec<_>>());
    writer.join().unwrap();
    memory.sleeps()
}

#[test]
fn a_producer_and_a_consumer_that_wait_for_each_other_in_turn_never_both_sleep() {
    let found = outcomes_within(3, || both_sleep(0, 24, 3));
    assert_eq!(found, BTreeSet::from([0, 1, 2, 3]));
}

#[test]
fn padding_alone_wakes_the_consumer_and_its_release_wakes_the_producer() {
    // 24 bytes to the end of the buffer and a record of 48: never both at once.
    let found = outcomes_within(3, || both_sleep(40, 40, 1));
    assert!(found.contains(&0) && found.contains(&3), "{found:?}");
}

/// A producer is killed after `operations` of its write; its successor writes one record more. The
/// consumer sleeps until it has that. Returns whether it got the first one, and whether the killed
/// producer had been told that it is written.
fn successor_of_a_killed_producer(operations: usize) -> (bool, bool) {
    let memory = LoomMemory::new(64, 0, SOUND);
    let layout = *memory.layout();
    let mortal = Mortal::new(memory.clone());
    let mut victim = Producer::attach(mortal.clone(), &layout).unwrap();
    let mut consumer = attach_consumer(&memory);
    let of_writers = memory.clone();
    let writers = thread::spawn(move || {
        mortal.kill_after(operations);
        let bytes = payload(0, 8);
        // SAFETY: the bytes outlive the call.
        let answer = unsafe { victim.try_write(Payload::of(&bytes)) };
        // The kernel frees the slot when the first is gone, so what it did happened before.
        let mut successor = attach_producer(&of_writers);
        assert!(write(&mut successor, 1, 8));
        !mortal.is_dead() && answer.unwrap()
    });
    let mut received = receive(&memory, &layout, &mut consumer, 1);
    if received.last() != Some(&payload(1, 8)) {
        received.extend(receive(&memory, &layout, &mut consumer, 1));
    }
    let acknowledged = writers.join().unwrap();
    let first = received.len() == 2;
    assert!(first || !acknowledged, "an acknowledged record is lost");
    assert_eq!(received, (usize::from(!first)..2).map(|number| payload(number, 8)).collect::<Vec<_>>());
    (first, acknowledged)
}

#[test]
fn the_successor_of_a_producer_killed_anywhere_in_a_write_wakes_the_sleeper() {
    let mut found = BTreeSet::new();
    for operations in 0..32 {
        let outcomes = outcomes_within(2, move || successor_of_a_killed_producer(operations));
        found.extend(outcomes.iter().copied());
        if outcomes.contains(&(true, true)) {
            // Between the store of the tail and the wake there are several of the second kind.
            assert_eq!(found, BTreeSet::from([(false, false), (true, false), (true, true)]));
            return;
        }
    }
    panic!("a write takes more operations than were tried: {found:?}");
}

/// The only producer is killed after `operations` of its write, and nobody comes after it. The
/// consumer has announced its sleep and found nothing; then its slice is over. Returns whether the
/// record was there before the producer died.
fn slice_after_a_killed_producer(operations: usize) -> bool {
    let memory = LoomMemory::new(64, 0, SOUND);
    let mortal = Mortal::new(memory.clone());
    let mut victim = Producer::attach(mortal.clone(), memory.layout()).unwrap();
    let mut consumer = attach_consumer(&memory);
    let writer = thread::spawn(move || {
        mortal.kill_after(operations);
        let bytes = payload(0, 8);
        // SAFETY: the bytes outlive the call.
        let _ = unsafe { victim.try_write(Payload::of(&bytes)) };
    });
    let announced = consumer.announce_sleep();
    let seen = consumer.has_record().unwrap();
    writer.join().unwrap();
    consumer.sleeper().0.leave(&memory, announced);
    // ORDERING: Relaxed; the thread is joined.
    let published = memory.load64(word::TAIL, Ordering::Relaxed) != 0;
    assert_eq!(consumer.has_record().unwrap(), published);
    !seen && published && memory.load32(word::CONSUMER + slot::EPOCH, Ordering::Relaxed) == 0
}

#[test]
fn a_record_whose_producer_died_before_the_wake_is_found_when_the_slice_is_over() {
    let never_rung: Vec<_> = (0..24)
        .filter(|&operations| outcomes(move || slice_after_a_killed_producer(operations)).contains(&true))
        .collect();
    assert!(!never_rung.is_empty(), "no producer died between its publication and its wake");
}

/// A consumer has died asleep, perhaps rung for. `hand_over` is done to its slot before a successor
/// comes, who waits for two records.
fn successor_of_a_dead_sleeper(hand_over: fn(&LoomMemory)) -> usize {
    let memory = LoomMemory::new(64, 0, SOUND);
    let mut producer = attach_producer(&memory);
    let mut victim = attach_consumer(&memory);
    let _never_left = victim.announce_sleep();
    // The first of its own records finds the dead sleeper still announced, and rings for it.
    assert!(write(&mut producer, 0, 8));
    hand_over(&memory);
    let mut successor = attach_consumer(&memory);
    assert_eq!(receive(&memory, memory.layout(), &mut successor, 1), [payload(0, 8)]);
    let writer = thread::spawn(move || assert!(write(&mut producer, 1, 8)));
    assert_eq!(receive(&memory, memory.layout(), &mut successor, 1), [payload(1, 8)]);
    writer.join().unwrap();
    memory.sleeps()
}

#[test]
fn the_successor_of_a_consumer_that_died_asleep_is_woken_by_a_producer_that_rang_for_the_dead() {
    assert_eq!(outcomes(|| successor_of_a_dead_sleeper(|_| {})), BTreeSet::from([0, 1]));
}

#[test]
fn mutant_a_successor_that_counts_its_sleeps_anew_is_taken_for_the_dead_one() {
    // ORDERING: Relaxed; before the other thread is there.
    let anew = |memory: &LoomMemory| {
        memory.store32(word::CONSUMER + slot::SLEEP, 0, Ordering::Relaxed);
    };
    fails(STRANDED, move || successor_of_a_dead_sleeper(anew));
}

#[test]
fn relaxed_sleep_words_strand_nobody_while_the_fences_stand() {
    // Written as Release and Acquire, for a reader's peace of mind: no execution needs it.
    const RELAXED: Weakened = &[
        Weaken::Store(word::CONSUMER + slot::SLEEP),
        Weaken::Load(word::CONSUMER + slot::SLEEP),
        Weaken::Update(word::CONSUMER + slot::EPOCH),
        Weaken::Store(word::PRODUCER + slot::SLEEP),
        Weaken::Load(word::PRODUCER + slot::SLEEP),
        Weaken::Update(word::PRODUCER + slot::EPOCH),
    ];
    assert_eq!(outcomes(|| records_for_a_sleeper(1, RELAXED)), BTreeSet::from([0, 1]));
    assert_eq!(outcomes(|| room_for_a_sleeper(RELAXED)), BTreeSet::from([0, 1]));
}
