//! Counters that agree with a position: what a third party reads while their owner goes on.

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use loom::thread;
use shmring::layout::slot;
use shmring::ledger::{self, Entry, Ledger};
use shmring::memory::Memory;
use shmring::ring::spsc::{Consumer, Producer};
use support::looming::{LoomMemory, word};
use support::model::{fails, outcomes, outcomes_within};
use support::records::{look, write};
use support::weaken::{Weaken, Weakened};

const SOUND: Weakened = &[];
/// A publisher that fences between two records would stand in for orderings of the ledger.
const UNFENCED: Weakened = &[Weaken::NoPublisherFence];

/// How the tests below see that an ordering is gone.
const TORN: &str = "counters of another position";
const MISSING: &str = "its owner has not moved on";

/// Reads the ledger of `slot` at the position that the word at `at` tells, once the owner runs.
/// Every record takes 16 bytes. Returns the position's record and whether the ledger knew it, for
/// the caller to compare with how far the owner came.
fn read_once(memory: &LoomMemory, slot: usize, at: usize, order: Ordering) -> (u64, bool) {
    let position = memory.load64(at, order);
    let number = position / 16;
    match ledger::read(memory, slot + slot::LEDGER, position) {
        Some(entry) => {
            assert_eq!(entry, Entry { records: number, abandoned: 0 }, "{TORN}");
            (number, true)
        }
        None => (number, false),
    }
}

/// The entry of a published position is whole and stays until the publication after the next one
/// begins: not finding it proves that.
fn must_have_moved((number, known): (u64, bool), owner_at: u64) {
    assert!(known || number + 2 <= owner_at, "no entry for record {number}, and {MISSING}: {owner_at}");
}

/// A producer writes three records while somebody reads its ledger.
fn written(weakened: Weakened) -> (u64, bool) {
    let memory = LoomMemory::new(256, 0, weakened);
    let mut producer = Producer::attach(memory.clone(), memory.layout()).unwrap();
    let owner = thread::spawn(move || (0..3).for_each(|number| assert!(write(&mut producer, number, 8))));
    let seen = read_once(&memory, word::PRODUCER, word::TAIL, Ordering::Acquire);
    owner.join().unwrap();
    must_have_moved(seen, 3);
    seen
}

/// A consumer releases three records, one by one, while somebody reads its ledger.
fn released(weakened: Weakened) -> (u64, bool) {
    // An eighth of 128 bytes: each look takes one record of 16.
    let memory = LoomMemory::new(128, 0, weakened);
    let mut producer = Producer::attach(memory.clone(), memory.layout()).unwrap();
    (0..3).for_each(|number| assert!(write(&mut producer, number, 8)));
    let mut consumer = Consumer::attach(memory.clone(), memory.layout()).unwrap();
    let of_owner = memory.clone();
    let owner = thread::spawn(move || {
        for _ in 0..3 {
            assert_eq!(look(&of_owner, of_owner.layout(), &mut consumer).len(), 1);
        }
    });
    let seen = read_once(&memory, word::CONSUMER, word::HEAD, Ordering::Acquire);
    owner.join().unwrap();
    must_have_moved(seen, 3);
    seen
}

fn every_position_both_known_and_gone() -> BTreeSet<(u64, bool)> {
    // Of the last two positions nothing can be gone.
    BTreeSet::from([(0, false), (0, true), (1, false), (1, true), (2, true), (3, true)])
}

#[test]
fn the_producers_ledger_is_never_torn_and_always_knows_a_tail_that_has_not_moved_on() {
    for weakened in [SOUND, UNFENCED] {
        assert_eq!(outcomes_within(3, move || written(weakened)), every_position_both_known_and_gone());
    }
}

#[test]
fn the_consumers_ledger_is_never_torn_and_always_knows_a_head_that_has_not_moved_on() {
    for weakened in [SOUND, UNFENCED] {
        assert_eq!(outcomes_within(3, move || released(weakened)), every_position_both_known_and_gone());
    }
}

#[test]
fn mutant_a_relaxed_store_of_the_tail_hides_the_entry_that_belongs_to_it() {
    fails(MISSING, || written(&[Weaken::NoPublisherFence, Weaken::Store(word::TAIL)]));
}

#[test]
fn mutant_a_relaxed_exchange_of_the_head_hides_the_entry_that_belongs_to_it() {
    fails(MISSING, || released(&[Weaken::NoPublisherFence, Weaken::Update(word::HEAD)]));
}

#[test]
fn mutant_without_the_writers_fence_a_reader_takes_counters_of_a_later_position() {
    fails(TORN, || written(&[Weaken::NoPublisherFence, Weaken::NoFence(Ordering::Release)]));
}

#[test]
fn mutant_without_the_readers_fence_it_takes_counters_of_a_later_position() {
    fails(TORN, || written(&[Weaken::NoPublisherFence, Weaken::NoFence(Ordering::Acquire)]));
}

/// The ledger alone, read at a position that its reader knows from elsewhere and not from the word
/// that publishes it: only the stamp itself then orders the counters.
fn known_from_elsewhere(weakened: Weakened) -> bool {
    let memory = LoomMemory::new(64, 0, weakened);
    let at = word::PRODUCER + slot::LEDGER;
    let (mut ledger, start) = Ledger::open(&memory, at, 0).unwrap();
    assert_eq!(start, Entry::default());
    let of_owner = memory.clone();
    let owner = thread::spawn(move || ledger.record(&of_owner, 16, Entry { records: 1, abandoned: 0 }));
    let found = ledger::read(&memory, at, 16);
    assert!(found.is_none_or(|entry| entry.records == 1), "{TORN}");
    owner.join().unwrap();
    found.is_some()
}

#[test]
fn an_entry_is_whole_for_a_reader_who_knows_its_position_from_elsewhere() {
    assert_eq!(outcomes(|| known_from_elsewhere(SOUND)), BTreeSet::from([false, true]));
}

#[test]
fn mutant_a_relaxed_store_of_the_stamp_lets_it_be_seen_before_its_counters() {
    fails(TORN, || known_from_elsewhere(&[Weaken::Store(word::WRITTEN[0]), Weaken::Store(word::WRITTEN[1])]));
}

#[test]
fn mutant_a_relaxed_load_of_the_stamp_lets_it_be_seen_before_its_counters() {
    fails(TORN, || known_from_elsewhere(&[Weaken::Load(word::WRITTEN[0]), Weaken::Load(word::WRITTEN[1])]));
}
