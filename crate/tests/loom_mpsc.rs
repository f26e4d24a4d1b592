//! The real chain under interleavings with few interruptions and every value that weak memory allows:
//! two writers and a consumer, full rings, padding, batches, claims, recovery and slots taken over. What
//! every interleaving does with every crash is asked elsewhere, without weak memory (mpsc_crashes.rs).
//!
//! As in loom_spsc.rs, the records must not lean on fences: all of it runs on a memory without any.

mod support;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use loom::sync::atomic::{AtomicBool, fence};
use loom::thread;
use shmring::layout::{Layout, control, slot};
use shmring::ring::mpsc::{Consumer, Producer, repair, written};
use support::looming::{About, LoomMemory};
use support::model::{RACE, fails, fails_within, outcomes_within};
use support::mortal::Mortal;
use support::small::{Id, claim_and_commit, granules, layout, peek, write, write_batch};
use support::weaken::{Weaken, Weakened};

const LAYOUT: Layout = layout(4, 4);
const ONE: usize = granules(1);
const TWO: usize = granules(2);

const BARE: Weakened =
    &[Weaken::NoPublisherFence, Weaken::NoFence(Ordering::Release), Weaken::NoFence(Ordering::Acquire)];

/// [`BARE`] and one promise less.
macro_rules! bare_and {
    ($weaken:expr) => {
        const {
            &[
                Weaken::NoPublisherFence,
                Weaken::NoFence(Ordering::Release),
                Weaken::NoFence(Ordering::Acquire),
                $weaken,
            ]
        }
    };
}

/// The control word of a granule.
const fn word(granule: usize) -> usize {
    LAYOUT.chain + 8 * granule
}

const fn id(writer: usize, number: usize, length: usize) -> Id {
    Id { writer, number, length }
}

/// A ring, its consumer, and two writers who were there before the first record: where they saw the chain
/// end is long past.
type Early = (LoomMemory, Consumer<LoomMemory>, [Producer<LoomMemory>; 2]);

/// One through which `passed` granules went, with `left` records of a granule in it.
fn early(passed: usize, left: usize, about: About, weakened: Weakened) -> Early {
    let memory = LoomMemory::mpsc(LAYOUT, 0, about, weakened);
    let mut consumer = Consumer::attach(memory.clone(), &LAYOUT).unwrap();
    let writers = [attach(&memory, 1), attach(&memory, 2)];
    let mut producer = attach(&memory, 3);
    for number in 0..passed + left {
        assert!(write(&mut producer, id(3, number, ONE)).unwrap());
        if number < passed {
            assert_eq!(look(&memory, &mut consumer).len(), 1);
        }
    }
    (memory, consumer, writers)
}

/// The same without the two.
fn ring(passed: usize, left: usize, about: About, weakened: Weakened) -> (LoomMemory, Consumer<LoomMemory>) {
    let (memory, consumer, _) = early(passed, left, about, weakened);
    (memory, consumer)
}

fn attach(memory: &LoomMemory, slot: u32) -> Producer<LoomMemory> {
    Producer::attach(memory.clone(), &LAYOUT, slot).unwrap()
}

/// One look: what it finds is read, then released.
fn look(memory: &LoomMemory, consumer: &mut Consumer<LoomMemory>) -> Vec<Id> {
    let records = peek(memory, &LAYOUT, consumer, 8).unwrap();
    let ids = records.iter().map(|(_, bytes)| Id::of(bytes).expect("torn")).collect();
    consumer.release(records.len()).unwrap();
    ids
}

fn look_until_empty(memory: &LoomMemory, consumer: &mut Consumer<LoomMemory>) -> Vec<Id> {
    std::iter::from_fn(|| Some(look(memory, consumer)).filter(|ids| !ids.is_empty())).flatten().collect()
}

/// What one writer does, and what it says was acknowledged.
type Deed = fn(&LoomMemory, &mut Producer<LoomMemory>) -> Vec<Id>;

/// Two writers, and a consumer that looks so often meanwhile. Returns how many were acknowledged, and
/// how many of them were received meanwhile.
///
/// Where a thread looks before it exchanges, loom does not see that another's look before both matters.
/// So whoever only looks is the last that it runs, and moves forward from there.
fn meet(ring: Early, deeds: [Deed; 2], looks: usize) -> (usize, usize) {
    let (memory, mut consumer, [mut first, mut second]) = ring;
    let left = consumer.available().unwrap() as usize / 64;
    let of_second = memory.clone();
    let second = thread::spawn(move || deeds[1](&of_second, &mut second));
    let of_reader = memory.clone();
    let reader = thread::spawn(move || {
        let received: Vec<Id> = (0..looks).flat_map(|_| look(&of_reader, &mut consumer)).collect();
        (consumer, received)
    });
    let acknowledged = [deeds[0](&memory, &mut first), second.join().unwrap()];
    let (mut consumer, mut received) = reader.join().unwrap();
    let meanwhile = received.len().saturating_sub(left);
    received.extend(look_until_empty(&memory, &mut consumer));
    for ids in &acknowledged {
        let of_writer: Vec<_> = received.iter().filter(|id| ids.contains(id)).copied().collect();
        assert_eq!(&of_writer, ids, "lost, repeated or out of order");
    }
    let acknowledged = acknowledged.concat();
    assert_eq!(received.len(), left + acknowledged.len(), "{received:?}");
    assert_eq!(look_until_empty(&memory, &mut consumer), []);
    (acknowledged.len(), meanwhile)
}

/// Those of `ids` that are accepted.
fn accepted(producer: &mut Producer<LoomMemory>, ids: &[Id]) -> Vec<Id> {
    ids.iter().filter(|id| write(producer, **id).unwrap()).copied().collect()
}

/// Room for both.
fn free_ring(weakened: Weakened) -> (usize, usize) {
    let deeds: [Deed; 2] = [
        |_, producer| accepted(producer, &[id(1, 1, ONE)]),
        |_, producer| accepted(producer, &[id(2, 1, 20)]),
    ];
    meet(early(1, 0, About::Records, weakened), deeds, 2)
}

#[test]
fn records_of_two_writers_arrive_whole() {
    let found = outcomes_within(2, || free_ring(BARE));
    assert_eq!(found, BTreeSet::from([(2, 0), (2, 1), (2, 2)]));
}

#[test]
fn mutant_a_relaxed_commit_lets_the_consumer_read_what_is_still_being_written() {
    fails(RACE, || free_ring(bare_and!(Weaken::Update(word(1)))));
}

#[test]
fn mutant_a_relaxed_look_at_the_chain_lets_the_consumer_read_what_is_still_being_written() {
    fails(RACE, || free_ring(bare_and!(Weaken::Load(word(1)))));
}

/// Three records are left in a ring of four, with words of the lap before: one writer finds room, the
/// other needs what the consumer releases.
fn full_ring(weakened: Weakened) -> (usize, usize) {
    let deeds: [Deed; 2] = [
        |_, producer| accepted(producer, &[id(1, 1, ONE), id(1, 2, ONE)]),
        |_, producer| accepted(producer, &[id(2, 1, ONE)]),
    ];
    meet(early(5, 3, About::Records, weakened), deeds, 2)
}

#[test]
fn released_room_is_written_again_by_whoever_is_first() {
    let found = outcomes_within(2, || full_ring(BARE));
    let accepted: BTreeSet<_> = found.iter().map(|(accepted, _)| *accepted).collect();
    assert_eq!(accepted, BTreeSet::from([1, 2, 3]));
}

#[test]
fn mutant_a_relaxed_exchange_of_the_head_lets_writers_overwrite_what_is_still_being_read() {
    fails(RACE, || full_ring(bare_and!(Weaken::Update(control::HEAD))));
}

#[test]
fn mutant_a_relaxed_load_of_the_head_lets_writers_overwrite_what_is_still_being_read() {
    fails(RACE, || full_ring(bare_and!(Weaken::Load(control::HEAD))));
}

/// What a writer is told that sees the tail beyond what the head that it sees allows.
const IMPOSSIBLE: &str = "the tail is impossible";

#[test]
fn mutant_a_relaxed_load_of_the_tail_makes_a_healthy_writer_see_damage() {
    fails(IMPOSSIBLE, || full_ring(bare_and!(Weaken::Load(control::TAIL))));
}

#[test]
fn mutant_a_relaxed_exchange_of_the_tail_makes_a_healthy_writer_see_damage() {
    fails(IMPOSSIBLE, || full_ring(bare_and!(Weaken::Update(control::TAIL))));
}

#[test]
fn mutant_a_relaxed_reservation_makes_a_healthy_writer_see_damage() {
    fails_within(4, IMPOSSIBLE, || full_ring(bare_and!(Weaken::Reserve)));
}

#[test]
fn two_writers_that_both_need_padding_pad_once() {
    let deeds: [Deed; 2] = [
        |_, producer| accepted(producer, &[id(1, 1, TWO)]),
        |_, producer| accepted(producer, &[id(2, 1, 20)]),
    ];
    let found = outcomes_within(2, move || meet(early(7, 0, About::Records, BARE), deeds, 2));
    assert!(found.iter().any(|(_, meanwhile)| *meanwhile == 2), "{found:?}");
}

/// A batch of two beside another's record.
fn batch(weakened: Weakened) -> (usize, usize) {
    let deeds: [Deed; 2] = [
        |_, producer| {
            let ids = [id(1, 1, 20), id(1, 2, 30)];
            let count = write_batch(producer, &ids).unwrap();
            assert!(count == 0 || count == 2);
            ids[..count].to_vec()
        },
        |_, producer| accepted(producer, &[id(2, 1, 20)]),
    ];
    meet(early(6, 1, About::Records, weakened), deeds, 2)
}

#[test]
fn a_batch_is_there_whole_once_its_first_record_is() {
    let found = outcomes_within(2, || {
        let (memory, mut consumer) = ring(6, 0, About::Records, BARE);
        let mut producer = attach(&memory, 1);
        let reader = thread::spawn(move || [(); 2].map(|()| look(&memory, &mut consumer)));
        assert_eq!(write_batch(&mut producer, &[id(1, 1, 20), id(1, 2, 30)]).unwrap(), 2);
        let [first, second] = reader.join().unwrap();
        assert!(first.is_empty() || second == [id(1, 2, 30)], "a part: {first:?}, {second:?}");
        (first.len(), second.len())
    });
    assert_eq!(found, BTreeSet::from([(0, 0), (0, 1), (1, 1)]));
    let found = outcomes_within(2, || batch(BARE));
    assert!(found.contains(&(3, 0)) && found.contains(&(3, 1)), "{found:?}");
}

#[test]
fn a_claim_committed_short_and_one_given_back_hold_up_nobody() {
    let deeds: [Deed; 2] = [
        |memory, producer| {
            assert!(claim_and_commit(memory, &LAYOUT, producer, id(1, 1, 20), ONE).unwrap());
            vec![id(1, 1, 20)]
        },
        |_, producer| {
            assert!(producer.try_claim(20, 0).unwrap().is_some());
            producer.abort().unwrap();
            Vec::new()
        },
    ];
    let found = outcomes_within(3, move || meet(early(3, 0, About::Records, BARE), deeds, 2));
    assert_eq!(found, BTreeSet::from([(1, 0), (1, 1)]));
}

/// The lock of a slot, which the kernel gives back when its owner is gone.
#[derive(Clone)]
struct Lock(Rc<AtomicBool>);

impl Lock {
    fn held() -> Self {
        Lock(Rc::new(AtomicBool::new(true)))
    }

    fn set(&self, held: bool) {
        // Exchanges only: the kernel's lock has one state at a time, and everybody is told the newest.
        // ORDERING: Release, as the kernel's own locks are; partner: Lock::is_held.
        self.0.swap(held, Ordering::Release);
    }

    fn is_held(&self) -> bool {
        // ORDERING: Relaxed, and Acquire where it is free: only then does the protocol lean on what its
        // owner did before he let go. Partner: Lock::set.
        let held = self.0.fetch_and(true, Ordering::Relaxed);
        if !held {
            fence(Ordering::Acquire);
        }
        held
    }
}

/// A writer is killed after `operations` of its write, and the kernel gives its slot to another, who
/// writes too if `again`. Meanwhile somebody recovers. Returns how many of the first one's records came.
fn taken_over(operations: usize, again: bool, weakened: Weakened) -> usize {
    let (memory, mut consumer) = ring(3, 0, About::Owners, weakened);
    let lock = Lock::held();
    let mortal = Mortal::new(memory.clone());
    let mut victim = Producer::attach(mortal.clone(), &LAYOUT, 1).unwrap();
    let (of_recoverer, seen) = (memory.clone(), lock.clone());
    let recoverer = thread::spawn(move || {
        repair(&of_recoverer, &LAYOUT, |slot| Ok(slot != 1 || seen.is_held())).unwrap();
    });
    mortal.kill_after(operations);
    let told = write(&mut victim, id(1, 1, 20));
    lock.set(false);
    lock.set(true);
    let mut successor = attach(&memory, 1);
    assert!(!again || write(&mut successor, id(1, 2, 20)).unwrap(), "there is room");
    lock.set(false);
    let acknowledged = !mortal.is_dead() && told.unwrap();
    recoverer.join().unwrap();
    let mut received = look_until_empty(&memory, &mut consumer);
    if let Some(blocked) = consumer.blocked().unwrap() {
        assert!(consumer.unblock(blocked, |_| Ok(lock.is_held())).unwrap());
        received.extend(look_until_empty(&memory, &mut consumer));
    }
    let first = received.len() - usize::from(again);
    assert!(first == 1 || !acknowledged, "an acknowledged record is lost");
    assert!(!again || received.last() == Some(&id(1, 2, 20)));
    assert_eq!(written(&memory, &LAYOUT, 1), received.len() as u64, "{COUNT}");
    first
}

const COUNT: &str = "what the slot's owners have written";

/// Operations of the write up to its commit, and a few more.
const OPERATIONS: std::ops::Range<usize> = 4..24;

#[test]
fn a_slot_that_is_taken_over_after_a_kill_anywhere_is_recovered_by_anybody_meanwhile() {
    let mut found = BTreeSet::new();
    for operations in OPERATIONS {
        for again in [false, true] {
            found.extend(outcomes_within(2, move || taken_over(operations, again, BARE)));
        }
    }
    assert_eq!(found, BTreeSet::from([0, 1]));
}

/// Where the floor of slot 1 lies.
const FLOOR: usize = LAYOUT.slot(1) + slot::FLOOR;

#[test]
fn mutant_a_relaxed_store_of_the_floor_takes_back_the_count_of_a_committed_record() {
    fails(COUNT, || taken_over(OPERATIONS.end, false, bare_and!(Weaken::Store(FLOOR))));
}

#[test]
fn mutant_a_relaxed_load_of_the_floor_takes_back_the_count_of_a_committed_record() {
    fails(COUNT, || taken_over(OPERATIONS.end, false, bare_and!(Weaken::Load(FLOOR))));
}
