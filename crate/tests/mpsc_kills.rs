//! A process killed after each operation of each thing it can do, one after the other and with nobody
//! else at work: what it leaves is recovered, and the whole ring is in use again. Then the cases that
//! have a name of their own.

mod support;

use std::collections::BTreeSet;

use shmring::error::{Code, Result};
use shmring::layout::{CONSUMER_SLOT, Layout, control, slot};
use shmring::ledger;
use shmring::ring::mpsc::{Consumer, Producer, Repaired, Word, repair, written};
use support::heap::HeapMemory;
use support::mortal::Mortal;
use support::small::{Id, claim_and_commit, granules, layout, peek, write, write_batch};

/// Slot 1 is the victim's, slot 2 belongs to one who lives.
const VICTIM: u32 = 1;
const OTHER: u32 = 2;
const LAYOUT: Layout = layout(8, 3);

const fn id(number: usize, length: usize) -> Id {
    Id { writer: VICTIM as usize, number, length }
}

/// A ring through which `passed` granules went.
fn ring(passed: usize) -> HeapMemory {
    let memory = HeapMemory::new(LAYOUT, 0);
    let mut producer = attach(&memory, OTHER);
    for number in 0..passed {
        assert!(write(&mut producer, id(number, granules(1))).unwrap());
        assert_eq!(drain(&memory).len(), 1);
    }
    memory
}

fn attach(memory: &HeapMemory, slot: u32) -> Producer<HeapMemory> {
    memory.count_operations_anew();
    Producer::attach(memory.clone(), &LAYOUT, slot).unwrap()
}

/// Only the victim is dead.
fn alive(slot: u32) -> Result<bool> {
    Ok(slot != VICTIM)
}

/// What a new consumer receives until there is nothing more; it passes the victim's reservations.
fn drain(memory: &HeapMemory) -> Vec<Id> {
    drain_while(memory, alive)
}

fn drain_while(memory: &HeapMemory, alive: fn(u32) -> Result<bool>) -> Vec<Id> {
    let mut consumer = Consumer::attach(memory.clone(), &LAYOUT).unwrap();
    let mut received = Vec::new();
    loop {
        memory.count_operations_anew();
        let records = peek(memory, &LAYOUT, &mut consumer, 8).unwrap();
        consumer.release(records.len()).unwrap();
        if records.is_empty() {
            let Some(blocked) = consumer.blocked().unwrap() else { return received };
            assert!(consumer.unblock(blocked, alive).unwrap());
        }
        received.extend(records.iter().map(|(_, bytes)| Id::of(bytes).expect("torn")));
    }
}

/// Fills the ring with records of a granule, and empties it: as many as there are granules.
fn assert_all_of_it_can_be_used(memory: &HeapMemory) {
    let mut producer = attach(memory, OTHER);
    for _ in 0..2 {
        memory.count_operations_anew();
        while write(&mut producer, id(0, granules(1))).unwrap() {}
        assert_eq!(drain(memory).len(), 8, "the whole ring");
    }
    assert!(write(&mut producer, id(0, LAYOUT.max_record())).unwrap(), "the largest record");
    assert_eq!(drain(memory).len(), 1);
}

fn abandoned(memory: &HeapMemory) -> u64 {
    let head = memory.get(LAYOUT.control + control::HEAD);
    ledger::read(memory, LAYOUT.slot(CONSUMER_SLOT) + slot::LEDGER, head).unwrap().abandoned
}

/// How others find out about the victim.
#[derive(Debug, Clone, Copy)]
enum Recovery {
    /// The consumer meets what it has left.
    Consumer,
    Recoverer,
    /// The next owner of its slot comes first.
    Successor,
}

type Deed = fn(&Mortal<HeapMemory>, &mut Producer<Mortal<HeapMemory>>) -> Result<()>;

/// Kills the victim after each operation of `deed`, of which it is told that all of `ids` are written if
/// it survives.
fn sweep(passed: usize, deed: Deed, ids: &[Id]) {
    for recovery in [Recovery::Consumer, Recovery::Recoverer, Recovery::Successor] {
        let mut ends = BTreeSet::new();
        for operations in 0.. {
            let memory = ring(passed);
            let before = written(&memory, &LAYOUT, OTHER);
            let mortal = Mortal::new(memory.clone());
            let mut victim = Producer::attach(mortal.clone(), &LAYOUT, VICTIM).unwrap();
            mortal.kill_after(operations);
            let told = deed(&mortal, &mut victim);
            let survived = !mortal.is_dead();

            match recovery {
                Recovery::Consumer => {}
                Recovery::Recoverer => {
                    let repaired = repair(&memory, &LAYOUT, alive).unwrap();
                    let again = repair(&memory, &LAYOUT, alive).unwrap();
                    assert_eq!(again, Repaired::default(), "after {repaired:?}");
                }
                // It lives on, so the victim's reservations are told from its own by the floor.
                Recovery::Successor => {
                    attach(&memory, VICTIM);
                }
            }
            let bystander = Id { writer: 9, number: 1, length: 30 };
            assert!(write(&mut attach(&memory, OTHER), bystander).unwrap());
            let all_alive: fn(u32) -> Result<bool> = |_| Ok(true);
            let successor = matches!(recovery, Recovery::Successor);
            let received = drain_while(&memory, if successor { all_alive } else { alive });
            let (of_victim, rest) = received.split_at(received.len() - 1);
            assert_eq!(rest, [bystander], "after {operations} operations");
            assert!(of_victim.is_empty() || of_victim == ids, "a part: {of_victim:?}");
            if survived {
                told.unwrap();
                assert_eq!(of_victim, ids, "acknowledged and lost");
            }
            assert_eq!(written(&memory, &LAYOUT, VICTIM), of_victim.len() as u64, "after {operations}");
            ends.insert((of_victim.len(), abandoned(&memory)));
            assert_all_of_it_can_be_used(&memory);
            assert_eq!(written(&memory, &LAYOUT, VICTIM), of_victim.len() as u64, "a lap later");
            assert!(written(&memory, &LAYOUT, OTHER) > before);
            if survived {
                break;
            }
        }
        // Nothing begun; abandoned; done.
        assert_eq!(ends, BTreeSet::from([(0, 0), (0, 1), (ids.len(), 0)]), "{recovery:?}");
    }
}

#[test]
fn a_writer_killed_anywhere_in_a_write() {
    for passed in [0, 3, 13] {
        sweep(
            passed,
            |_, victim| write(victim, id(1, granules(2))).map(|done| assert!(done)),
            &[id(1, granules(2))],
        );
    }
}

#[test]
fn a_writer_killed_anywhere_in_a_write_that_needs_padding() {
    sweep(15, |_, victim| write(victim, id(1, granules(3))).map(|done| assert!(done)), &[id(1, granules(3))]);
}

#[test]
fn a_writer_killed_anywhere_in_a_batch() {
    const IDS: [Id; 3] = [id(1, 20), id(2, granules(2)), id(3, 8)];
    for passed in [2, 14] {
        sweep(passed, |_, victim| write_batch(victim, &IDS).map(|count| assert_eq!(count, 3)), &IDS);
    }
}

#[test]
fn a_writer_killed_anywhere_between_claim_and_commit() {
    let deed: Deed = |memory, victim| {
        claim_and_commit(memory, &LAYOUT, victim, id(1, 20), granules(2)).map(|done| assert!(done))
    };
    sweep(6, deed, &[id(1, 20)]);
    sweep(7, deed, &[id(1, 20)]);
}

#[test]
fn a_writer_killed_anywhere_between_claim_and_abort() {
    let deed: Deed = |_, victim| {
        victim.try_claim(100, 0)?;
        victim.abort()
    };
    sweep(7, deed, &[]);
}

#[test]
fn a_producer_killed_anywhere_in_attach() {
    for operations in 0..40 {
        let memory = ring(5);
        // The one before it left a reservation and an entry of its ledger that does not count.
        die_before_the_commit(&memory, id(1, 20));
        let mortal = Mortal::new(memory.clone());
        mortal.kill_after(operations);
        let _ = Producer::attach(mortal.clone(), &LAYOUT, VICTIM);
        let mut successor = attach(&memory, VICTIM);
        assert_eq!(successor.written(), 0, "what was never committed");
        assert!(write(&mut successor, id(2, 20)).unwrap());
        assert_eq!(drain(&memory), [id(2, 20)]);
        assert_eq!((successor.written(), abandoned(&memory)), (1, 1));
        assert_all_of_it_can_be_used(&memory);
        assert_eq!(written(&memory, &LAYOUT, VICTIM), 1, "killed after {operations} operations");
    }
}

/// A victim that has written its ledger's entry, and dies before the commit that would make it true.
fn die_before_the_commit(memory: &HeapMemory, id: Id) {
    let operations = (0..).find(|&operations| {
        let memory = memory.duplicate();
        !write_and_die(&memory, id, operations) && written(&memory, &LAYOUT, VICTIM) > 0
    });
    assert!(!write_and_die(memory, id, operations.unwrap() - 1));
}

/// Whether it survives.
fn write_and_die(memory: &HeapMemory, id: Id, operations: usize) -> bool {
    let mortal = Mortal::new(memory.clone());
    let mut victim = Producer::attach(mortal.clone(), &LAYOUT, VICTIM).unwrap();
    mortal.kill_after(operations);
    let _ = write(&mut victim, id);
    !mortal.is_dead()
}

#[test]
fn a_recoverer_killed_anywhere() {
    for passed in [3, 7] {
        for operations in 0.. {
            let memory = ring(passed);
            die_before_the_commit(&memory, id(1, 20));
            let mortal = Mortal::new(memory.clone());
            mortal.kill_after(operations);
            let _ = repair(&mortal, &LAYOUT, alive);
            let survived = !mortal.is_dead();
            assert_eq!(drain(&memory), []);
            assert_eq!((abandoned(&memory), written(&memory, &LAYOUT, VICTIM)), (1, 0));
            assert_all_of_it_can_be_used(&memory);
            assert_eq!(written(&memory, &LAYOUT, VICTIM), 0, "a lap later");
            if survived {
                break;
            }
        }
    }
}

#[test]
fn a_consumer_killed_anywhere_gives_its_successor_what_it_has_not_released() {
    for limit in [1, 8] {
        for operations in 0.. {
            let memory = ring(6);
            let ids = [id(1, 20), id(2, 30)];
            assert_eq!(write_batch(&mut attach(&memory, VICTIM), &ids[..1]).unwrap(), 1);
            // A hole, and padding behind it.
            assert!(!write_and_die(&memory, id(9, 100), 12));
            assert!(write(&mut attach(&memory, OTHER), ids[1]).unwrap());
            let mortal = Mortal::new(memory.clone());
            let mut consumer = Consumer::attach(mortal.clone(), &LAYOUT).unwrap();
            mortal.kill_after(operations);
            let mut received = Vec::new();
            for _ in 0..4 {
                let Ok(records) = peek(&mortal, &LAYOUT, &mut consumer, limit) else { break };
                if mortal.is_dead() || consumer.release(records.len()).is_err() || mortal.is_dead() {
                    break;
                }
                received.extend(records.iter().map(|(_, bytes)| Id::of(bytes).expect("torn")));
                if let Ok(Some(blocked)) = consumer.blocked() {
                    let _ = consumer.unblock(blocked, alive);
                }
            }
            let survived = !mortal.is_dead();
            let rest = drain(&memory);
            // What was released was received; what was received in the last look may come again, or,
            // if it was killed after the release, is told by nobody any more.
            let mut all = received.clone();
            all.extend(&rest);
            all.dedup();
            let expected: Vec<Id> = ids.into();
            assert!(expected.ends_with(&rest), "{rest:?}");
            assert!(all == expected || !survived, "after {operations}: {received:?}, then {rest:?}");
            let head = memory.get(LAYOUT.control + control::HEAD);
            let at = LAYOUT.slot(CONSUMER_SLOT) + slot::LEDGER;
            let read = ledger::read(&memory, at, head).unwrap();
            assert_eq!((read.records, read.abandoned), (6 + 2, 1), "after {operations}");
            assert_all_of_it_can_be_used(&memory);
            if survived {
                break;
            }
        }
    }
}

/// The victim writes a record of two granules, and is killed right after the reservation up to granule
/// `end`: before it moves the tail there.
fn die_after_reserving_up_to(memory: &HeapMemory, end: usize) {
    let (tail, end) = (LAYOUT.control + control::TAIL, end as u64 * 64);
    let operations = (0..).find(|&operations| {
        let memory = memory.duplicate();
        write_and_die(&memory, id(1, granules(2)), operations);
        memory.get(tail) == end
    });
    assert!(!write_and_die(memory, id(1, granules(2)), operations.unwrap() - 1));
    let position = memory.get(tail);
    assert!(position < end, "it did not move the tail");
    let word = Word(memory.get(LAYOUT.chain + position as usize % LAYOUT.capacity / 64 * 8));
    assert_eq!(word.lap(), position / LAYOUT.capacity as u64 + 1, "but it has reserved");
    assert_eq!(position + word.granules() * 64, end);
}

fn assert_goes_on(memory: &HeapMemory) {
    let bystander = Id { writer: 9, number: 1, length: 30 };
    // With a writer that comes next, with a recoverer, and with nobody but a consumer.
    let (of_writer, of_recoverer) = (memory.duplicate(), memory.duplicate());
    assert!(write(&mut attach(&of_writer, OTHER), bystander).unwrap());
    assert_eq!(drain(&of_writer), [bystander]);
    repair(&of_recoverer, &LAYOUT, alive).unwrap();
    for memory in [&of_writer, &of_recoverer, memory] {
        assert_eq!(drain(memory), []);
        assert_all_of_it_can_be_used(memory);
    }
}

#[test]
fn wedge_of_agrona_a_producer_dies_after_a_reservation_that_ends_exactly_at_the_end_of_the_buffer() {
    let memory = ring(6);
    die_after_reserving_up_to(&memory, 8);
    assert_goes_on(&memory);
}

#[test]
fn wedge_of_agrona_a_producer_dies_after_a_reservation_that_needed_padding() {
    let memory = ring(7);
    die_after_reserving_up_to(&memory, 10);
    assert_goes_on(&memory);
}

#[test]
fn wedge_of_agrona_a_producer_dies_when_it_has_reserved_only_the_padding() {
    let memory = ring(7);
    die_after_reserving_up_to(&memory, 8);
    assert_goes_on(&memory);
}

#[test]
fn a_writer_that_was_wrongly_taken_for_dead_is_fenced_and_delivers_nothing() {
    type End = fn(&mut Producer<HeapMemory>) -> Option<Code>;
    let ends: [End; 2] =
        [|it| it.commit(None).err().map(|error| error.code), |it| it.abort().err().map(|error| error.code)];
    for end in ends {
        let memory = ring(3);
        let mut wronged = attach(&memory, VICTIM);
        wronged.try_claim(20, 0).unwrap().unwrap();
        assert_eq!(repair(&memory, &LAYOUT, alive).unwrap().reservations, 1);
        assert_eq!(end(&mut wronged), Some(Code::Fenced));
        assert_eq!(write(&mut wronged, id(1, 20)).err().map(|error| error.code), Some(Code::Fenced));
        assert_eq!(drain(&memory), []);
        assert_eq!((written(&memory, &LAYOUT, VICTIM), abandoned(&memory)), (0, 1));
        assert_all_of_it_can_be_used(&memory);
    }
}

#[test]
fn a_recoverer_that_comes_too_late_does_not_take_back_the_count_of_a_committed_record() {
    let memory = ring(2);
    let mut victim = attach(&memory, VICTIM);
    victim.try_claim(20, 0).unwrap().unwrap();
    let mut consumer = Consumer::attach(memory.clone(), &LAYOUT).unwrap();
    let seen_reserved = consumer.blocked().unwrap().unwrap();
    victim.commit(None).unwrap();
    // Its lock is looked at when it is gone, and it is gone without a reservation.
    assert!(!consumer.unblock(seen_reserved, alive).unwrap());
    assert_eq!(written(&memory, &LAYOUT, VICTIM), 1);
}

#[test]
fn what_was_never_committed_is_not_counted_when_the_next_owner_dies_too() {
    let memory = ring(2);
    die_before_the_commit(&memory, id(1, 20));
    // The next owner dies before its own entry overwrites the one that does not count.
    let mut second = attach(&memory, VICTIM);
    second.try_claim(20, 0).unwrap().unwrap();
    assert_eq!(drain(&memory), []);
    assert_all_of_it_can_be_used(&memory);
    assert_eq!((written(&memory, &LAYOUT, VICTIM), abandoned(&memory)), (0, 2));
}

#[test]
fn a_slow_recoverer_of_an_older_reservation_does_not_bring_back_the_count_of_a_later_one() {
    let memory = ring(2);
    let mut first = attach(&memory, VICTIM);
    first.try_claim(20, 0).unwrap().unwrap();
    let mut consumer = Consumer::attach(memory.clone(), &LAYOUT).unwrap();
    let blocked = consumer.blocked().unwrap().unwrap();
    die_before_the_commit(&memory, id(2, 20));
    // While it looks at the lock, another recovers everything.
    let slow = |slot: u32| {
        repair(&memory, &LAYOUT, alive).unwrap();
        alive(slot)
    };
    consumer.unblock(blocked, slow).unwrap();
    drain(&memory);
    assert_all_of_it_can_be_used(&memory);
    assert_eq!(written(&memory, &LAYOUT, VICTIM), 0);
}
