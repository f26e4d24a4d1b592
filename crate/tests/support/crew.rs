//! What the processes of a search over an `mpsc` ring do, what they write down, and what must be true
//! when all of them are gone.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use shmring::error::Result;
use shmring::layout::{CONSUMER_SLOT, GRANULE, Layout, control, slot};
use shmring::ledger::{self, Entry};
use shmring::ring::mpsc::{Consumer, Producer, repair, written};

use super::heap::HeapMemory;
use super::search::{Fate, Process};
use super::small::{self, Id, claim_and_commit, granules, peek, write_batch};
use super::stepped::Stepped;

/// Something that a producer does, in bytes of payload.
#[derive(Debug, Clone, Copy)]
pub enum Deed {
    Write(usize),
    Batch(&'static [usize]),
    /// Claims so much, and commits with so much.
    Claim(usize, usize),
    Abort(usize),
}

/// What the processes have seen and done.
#[derive(Debug, Default, Clone)]
pub struct Log {
    /// What each began to write at once: all of it is there, or nothing.
    begun: Vec<Vec<Id>>,
    acknowledged: BTreeSet<Id>,
    /// What was received, by position.
    received: BTreeMap<u64, Vec<u8>>,
    /// Everything before it has been released.
    released: u64,
}

impl Log {
    fn receive(&mut self, position: u64, bytes: Vec<u8>) {
        assert!(position >= self.released, "what was released is delivered again");
        let again = self.received.insert(position, bytes.clone());
        assert!(again.is_none_or(|before| before == bytes), "another record at the same position");
    }
}

/// The answer of a process that lives; one that lives is never told of an error.
fn answer<T>(process: &Stepped, result: Result<T>) -> Option<T> {
    if process.is_dead() {
        return None;
    }
    Some(result.unwrap_or_else(|error| panic!("a healthy process is told: {error:?}")))
}

/// The owner of slot `index`, number `me` of the processes.
pub fn producer<const N: usize>(me: usize, index: u32, deeds: [Deed; N]) -> Process<Log> {
    let program = move |process: Stepped, log: &RefCell<Log>| {
        produce(&process, log, me, index, &deeds);
    };
    Process { slot: Some(index), after: None, mortal: true, program: Rc::new(program) }
}

/// The same process, but it starts when number `other` is gone.
pub fn after(other: usize, process: Process<Log>) -> Process<Log> {
    Process { after: Some(other), ..process }
}

/// The same process, but it is never killed.
pub fn immortal(process: Process<Log>) -> Process<Log> {
    Process { mortal: false, ..process }
}

fn produce(process: &Stepped, log: &RefCell<Log>, me: usize, index: u32, deeds: &[Deed]) -> Option<()> {
    let layout = *process.layout();
    let mut producer = answer(process, Producer::attach(process.clone(), &layout, index))?;
    let mut number = 0;
    for deed in deeds {
        let ids: Vec<Id> = match *deed {
            Deed::Write(length) | Deed::Claim(_, length) => vec![length],
            Deed::Batch(lengths) => lengths.to_vec(),
            Deed::Abort(_) => Vec::new(),
        }
        .into_iter()
        .map(|length| {
            number += 1;
            Id { writer: me, number, length }
        })
        .collect();
        log.borrow_mut().begun.push(ids.clone());
        let mut attempt = || match *deed {
            Deed::Write(_) => small::write(&mut producer, ids[0]),
            Deed::Batch(_) => write_batch(&mut producer, &ids).map(|count| {
                assert!(process.is_dead() || count == 0 || count == ids.len(), "a part of a part");
                count > 0
            }),
            Deed::Claim(claimed, _) => claim_and_commit(process, &layout, &mut producer, ids[0], claimed),
            Deed::Abort(claimed) => match producer.try_claim(claimed, 0) {
                Ok(Some(_)) => producer.abort().map(|()| true),
                other => other.map(|_| false),
            },
        };
        let mut done = answer(process, attempt())?;
        if !done {
            // What a producer does that finds the ring full.
            answer(process, repair(process, &layout, |slot| Ok(process.is_locked(slot))))?;
            done = answer(process, attempt())?;
        }
        if done {
            log.borrow_mut().acknowledged.extend(ids);
        }
    }
    Some(())
}

/// A consumer that looks so often, at most `limit` records at a time.
pub fn consumer(looks: usize, limit: usize) -> Process<Log> {
    let program = move |process: Stepped, log: &RefCell<Log>| {
        consume(&process, log, looks, limit);
    };
    Process { slot: Some(CONSUMER_SLOT), after: None, mortal: true, program: Rc::new(program) }
}

fn consume(process: &Stepped, log: &RefCell<Log>, looks: usize, limit: usize) -> Option<()> {
    let layout = *process.layout();
    let mut consumer = answer(process, Consumer::attach(process.clone(), &layout))?;
    for _ in 0..looks {
        let records = answer(process, peek(process, &layout, &mut consumer, limit))?;
        let (count, last) = (records.len(), records.last().map(|(position, _)| *position));
        for (position, bytes) in records {
            log.borrow_mut().receive(position, bytes);
        }
        answer(process, consumer.release(count))?;
        if let Some(last) = last {
            log.borrow_mut().released = last + 1;
        } else if let Some(blocked) = answer(process, consumer.blocked())? {
            answer(process, consumer.unblock(blocked, |slot| Ok(process.is_locked(slot))))?;
        }
    }
    Some(())
}

/// Somebody without a slot who recovers what the dead have left.
pub fn recoverer() -> Process<Log> {
    let program = |process: Stepped, _: &RefCell<Log>| {
        let layout = *process.layout();
        answer(&process, repair(&process, &layout, |slot| Ok(process.is_locked(slot))));
    };
    Process { slot: None, after: None, mortal: true, program: Rc::new(program) }
}

/// A ring as the processes find it.
pub struct Start {
    pub memory: HeapMemory,
    left: Vec<Id>,
    read: Entry,
}

/// The name under which the records were written that the processes find.
const EARLIER: usize = 0xff;

impl Start {
    /// A ring through which `passed` granules went, so that words of the lap before stand in it, and in
    /// which `left` records of a granule are left.
    pub fn new(layout: Layout, passed: usize, left: usize) -> Start {
        let memory = HeapMemory::new(layout, 0);
        let mut producer = Producer::attach(memory.clone(), &layout, 1).unwrap();
        let mut write = |number: usize| {
            memory.count_operations_anew();
            let id = Id { writer: EARLIER, number, length: granules(1) };
            assert!(small::write(&mut producer, id).unwrap());
            id
        };
        for number in 0..passed {
            write(number);
            drain(&memory, &mut Log::default());
        }
        let left = (0..left).map(|number| write(passed + number)).collect();
        let read = read(&memory);
        Start { memory, left, read }
    }
}

/// Empties the ring, in which nobody is alive.
fn drain(memory: &HeapMemory, log: &mut Log) {
    let layout = *memory.layout();
    let mut consumer = Consumer::attach(memory.clone(), &layout).unwrap();
    loop {
        let records = peek(memory, &layout, &mut consumer, 8).unwrap();
        let count = records.len();
        records.into_iter().for_each(|(position, bytes)| log.receive(position, bytes));
        consumer.release(count).unwrap();
        if count == 0 {
            let Some(blocked) = consumer.blocked().unwrap() else { return };
            assert!(consumer.unblock(blocked, |_| Ok(false)).unwrap(), "nobody is alive");
        }
    }
}

/// What must be true at every end: `slots` says which slot each process had. The last slot is left to
/// the check.
pub fn check(start: &Start, memory: &HeapMemory, log: &Log, fates: &[Fate], slots: &[Option<u32>]) {
    let mut log = log.clone();
    drain(memory, &mut log);
    log.acknowledged.extend(&start.left);
    let received: Vec<Id> =
        log.received.values().map(|bytes| Id::of(bytes).expect("a record is torn")).collect();
    let distinct: BTreeSet<Id> = received.iter().copied().collect();
    assert_eq!(distinct.len(), received.len(), "a record is at two positions: {received:?}");
    assert!(distinct.is_superset(&log.acknowledged), "lost: {:?} of {received:?}", log.acknowledged);
    for (writer, fate) in fates.iter().enumerate() {
        let of_writer: Vec<_> = received.iter().filter(|id| id.writer == writer).collect();
        assert!(of_writer.is_sorted(), "out of order: {of_writer:?}");
        let killed = matches!(fate, Fate::Killed { .. });
        let unacknowledged = of_writer.iter().filter(|id| !log.acknowledged.contains(id));
        assert!(killed || unacknowledged.count() == 0, "a living producer was told nothing of a record");
    }
    for together in &log.begun {
        let there = together.iter().filter(|id| distinct.contains(id)).count();
        assert!(there == 0 || there == together.len(), "a part of {together:?}");
    }
    let lost = fates.iter().filter(|fate| **fate == Fate::Killed { reserving: true }).count() as u64;
    let slot_of = |id: &Id| if id.writer == EARLIER { Some(1) } else { slots[id.writer] };
    let of_slots: Vec<_> = received.iter().map(slot_of).collect();
    check_counters(start, memory, &of_slots, lost);
    check_use(memory);
    check_written(start, memory, &of_slots);
}

/// What the consumer's ledger says.
fn read(memory: &HeapMemory) -> Entry {
    let layout = *memory.layout();
    let head = memory.get(layout.control + control::HEAD);
    let at = layout.slot(CONSUMER_SLOT) + slot::LEDGER;
    ledger::read(memory, at, head).expect("the consumer's ledger has the head")
}

/// The counters say what the log says: whose slots the records came from.
fn check_counters(start: &Start, memory: &HeapMemory, received: &[Option<u32>], abandoned: u64) {
    let (before, now) = (start.read, read(memory));
    assert_eq!(now.records - before.records, received.len() as u64, "read");
    assert_eq!(now.abandoned - before.abandoned, abandoned, "abandoned");
    check_written(start, memory, received);
}

fn check_written(start: &Start, memory: &HeapMemory, received: &[Option<u32>]) {
    let layout = *memory.layout();
    for index in 1..layout.slot_count - 1 {
        let of_slot = received.iter().filter(|slot| **slot == Some(index)).count() as u64;
        let before = if index == 1 { start.read.records } else { 0 };
        let written = written(memory, &layout, index);
        assert_eq!(written - before, of_slot, "written by the owners of slot {index}");
    }
}

/// The whole ring can be filled and emptied, twice, by the owner of the last slot.
fn check_use(memory: &HeapMemory) {
    let layout = *memory.layout();
    let mut producer = Producer::attach(memory.clone(), &layout, layout.slot_count - 1).unwrap();
    for lap in 0..2 {
        let mut log = Log::default();
        let mut number = 0;
        let mut id = || {
            number += 1;
            Id { writer: lap, number, length: granules(1) }
        };
        while small::write(&mut producer, id()).unwrap() {}
        drain(memory, &mut log);
        assert_eq!(log.received.len(), layout.capacity / GRANULE, "a ring that is not filled");
    }
    let largest = Id { writer: 9, number: 1, length: layout.max_record() };
    assert!(small::write(&mut producer, largest).unwrap(), "no room for the largest record");
}
