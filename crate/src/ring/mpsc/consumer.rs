//! The reading side of an `mpsc` ring.

use std::sync::atomic::Ordering;

use super::chain::{Chain, Link};
use super::repair::{abandon_if_dead, is_below_floor};
use super::word::{State, Word};
use super::{Peeked, waiters};
use crate::error::{Code, Error, Result};
use crate::layout::{GRANULE, Layout, RECORD_HEADER, slot};
use crate::ledger::Entry;
use crate::memory::Memory;
use crate::record::Header;
use crate::ring::gate;
use crate::ring::head::Head;
use crate::ring::poison::Poison;
use crate::sleep::{Announced, Bell, Sleeper};

/// A reservation that is neither committed nor given up, next in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    pub position: u64,
    /// Its owner's.
    pub slot: u32,
    word: Word,
}

/// What stands next in line.
enum Next {
    Nothing,
    Record(Word),
    Blocked(Blocked),
}

/// The reading side. Its owner holds the lock of the consumer's slot.
#[derive(Debug)]
pub struct Consumer<M> {
    memory: M,
    chain: Chain,
    slot_count: u32,
    head: Head,
    /// Where the next record starts, behind what is passed over but not yet released.
    next: u64,
    /// Where a drain ends at latest, so that it does for all that producers may add meanwhile.
    horizon: u64,
    read: Entry,
    /// Where the records of the run handed out last end, and how many of them are released already.
    run: Vec<u64>,
    run_released: usize,
    /// Towards the producers, one a slot.
    bells: Box<[Bell]>,
    sleeper: Sleeper,
    poison: Poison,
}

impl<M: Memory> Consumer<M> {
    /// Attaches where the released records end. The caller holds the lock of the consumer's slot.
    pub fn attach(memory: M, layout: &Layout) -> Result<Self> {
        let chain = Chain::new(layout);
        let (head, read) = Head::attach(&memory, layout, GRANULE as u64, chain.last)?;
        let released = head.released();
        Ok(Consumer {
            slot_count: layout.slot_count,
            head,
            next: released,
            horizon: released + chain.capacity,
            read,
            run: Vec::new(),
            run_released: 0,
            bells: (0..layout.slot_count).map(|index| Bell::new(layout.slot(index))).collect(),
            sleeper: Sleeper::new(&memory, chain.consumer),
            poison: Poison::default(),
            chain,
            memory,
        })
    }

    /// Looks at the records that come next, without releasing any: at most `limit` of them, as many
    /// as `ranges` takes (two numbers each: where the payload starts and ends in the data area), at
    /// most an eighth of the capacity unless one record is larger, and never past the end of the
    /// buffer. `fresh` begins a drain; without it the one before goes on, for one capacity in all. An
    /// empty answer has released whatever was passed over.
    #[inline]
    pub fn peek(&mut self, ranges: &mut [u32], limit: usize, fresh: bool) -> Result<Peeked> {
        self.poison.check()?;
        if fresh {
            self.horizon = self.next + self.chain.capacity;
        }
        let record = if self.next < self.horizon { self.record()? } else { None };
        self.collect(record, ranges, limit)
    }

    /// Collects the run that begins at `next` with the record of `word`.
    #[inline]
    fn collect(&mut self, word: Option<Word>, ranges: &mut [u32], limit: usize) -> Result<Peeked> {
        let limit = limit.min(ranges.len() / 2);
        let most = self.chain.capacity / 8;
        self.run.clear();
        self.run_released = 0;
        let (mut at, mut record) = (self.next, word);
        while let Some(word) = record.filter(|_| self.run.len() < limit) {
            let bytes = word.granules() * GRANULE as u64;
            let end = at + bytes;
            if !self.run.is_empty() && end - self.next > most {
                break;
            }
            // Asked for four records ahead, the way between two cores is hidden. NB: bench/run.mjs.
            self.memory.expect_read(self.chain.offset(end + 4 * bytes));
            // Damage ends the run: whole records before it are handed out.
            let length = match self.length(at, word) {
                Ok(length) => length,
                Err(_) if !self.run.is_empty() => break,
                Err(error) => return Err(self.poison.set(error)),
            };
            let start = self.chain.offset(at) - self.chain.data + RECORD_HEADER;
            ranges[2 * self.run.len()] = start as u32;
            ranges[2 * self.run.len() + 1] = (start + length) as u32;
            self.run.push(end);
            at = end;
            if self.chain.rest(at) == self.chain.capacity || at >= self.horizon {
                break;
            }
            // What is no record ends the run.
            record = match self.chain.link(&self.memory, at) {
                Ok(Link::Taken(word)) if word.state() == State::Committed => Some(word),
                _ => None,
            };
        }
        Ok(Peeked { position: self.next, count: self.run.len() })
    }

    /// Bytes of the payload of the record `word` at `position`, by its header.
    #[inline]
    fn length(&self, position: u64, word: Word) -> Result<usize> {
        let at = self.chain.offset(position);
        // ORDERING: Relaxed; visible since the control word was loaded. Partner: Chain::link.
        let found = self.memory.load64(at, Ordering::Relaxed);
        match Header::decode(position, found) {
            Some(Header::Record(length)) if RECORD_HEADER + length <= word.granules() as usize * GRANULE => {
                Ok(length)
            }
            _ => {
                let expected = format!("a record header of position {position}");
                Err(Error::corrupt("a record is damaged", at, expected, found))
            }
        }
    }

    /// Releases the records of the run that `peek` found last up to its `count`th, counted from its
    /// start.
    #[inline]
    pub fn release(&mut self, count: usize) -> Result<()> {
        self.poison.check()?;
        if count <= self.run_released {
            return Ok(());
        }
        let Some(&end) = self.run.get(count - 1) else {
            return Err(Error::new(Code::InvalidArgument, "more is released than was handed out"));
        };
        self.next = end;
        self.read.records += (count - self.run_released) as u64;
        self.run_released = count;
        self.publish_head()
    }

    /// Whether a record is there: what waits look at.
    pub fn has_record(&mut self) -> Result<bool> {
        self.poison.check()?;
        Ok(self.record()?.is_some())
    }

    /// Who stands in the way of the next record, if somebody does.
    pub fn blocked(&mut self) -> Result<Option<Blocked>> {
        self.poison.check()?;
        Ok(match self.look()? {
            Next::Blocked(blocked) => Some(blocked),
            Next::Nothing | Next::Record(_) => None,
        })
    }

    /// Whether `blocked` is of a dead owner whose slot somebody else has by now.
    pub fn is_orphan(&self, blocked: Blocked) -> bool {
        is_below_floor(&self.memory, &self.chain, blocked.position, blocked.word)
    }

    /// Passes `blocked` if its owner is dead: true when it no longer stands in the way. `alive` says
    /// whether the lock of a slot is held.
    pub fn unblock(&mut self, blocked: Blocked, alive: impl FnMut(u32) -> Result<bool>) -> Result<bool> {
        let Blocked { position, word, .. } = blocked;
        abandon_if_dead(&self.memory, &self.chain, position, word, alive)
    }

    /// Bytes of ring space that are taken behind the next record, or somewhat less: as the tail says.
    pub fn available(&mut self) -> Result<u64> {
        self.poison.check()?;
        let tail = self
            .chain
            .load_tail(&self.memory, self.head.released())
            .map_err(|error| self.poison.set(error))?;
        if tail - self.head.released() > self.chain.capacity {
            let expected = format!("at most {} bytes behind {}", self.chain.capacity, self.head.released());
            let error = Error::corrupt("the tail is impossible", self.chain.tail, expected, tail);
            return Err(self.poison.set(error));
        }
        Ok(tail.saturating_sub(self.next))
    }

    /// Position of the next record, as far as what lies before it has been seen.
    pub fn position(&mut self) -> Result<u64> {
        self.poison.check()?;
        self.look()?;
        Ok(self.next)
    }

    /// Records released since the ring was made.
    pub fn read(&self) -> u64 {
        self.read.records
    }

    /// Whether the ring is sealed.
    pub fn is_sealed(&self) -> bool {
        gate::is_sealed(&self.memory, self.chain.sealed)
    }

    /// The slots whose producers, if they live, may still be inside a write that began before the seal
    /// which the caller has just seen. With none that does, one more look at the ring is the last. `fenced`:
    /// all are known to use full fences; else any may, where the barrier did not reach them.
    pub fn writing(&self, fenced: bool) -> Vec<u32> {
        let reached = self.memory.sleeper_fence();
        let is_writing =
            |index: &u32| !(reached || fenced) || gate::is_writing(&self.memory, self.chain.slot(*index));
        (1..self.slot_count).filter(is_writing).collect()
    }

    /// Announces a sleep until something is published, or, at a reservation, until that one is
    /// settled; see [`Sleeper`].
    pub fn announce_sleep(&mut self, blocked: Option<Blocked>) -> Announced {
        let awaited = blocked.map_or(0, |blocked| u64::from(blocked.slot));
        // ORDERING: Relaxed; the announcement's Release store publishes it. Partner:
        // producer::Producer::settle.
        self.memory.store64(self.chain.consumer + slot::WANTED, awaited, Ordering::Relaxed);
        self.sleeper.announce(&self.memory)
    }

    pub fn sleeper(&mut self) -> (&mut Sleeper, &M) {
        (&mut self.sleeper, &self.memory)
    }

    /// The record at `next`. `None`: there is none, and whatever was passed over is released, since a
    /// producer may wait for that room.
    #[inline]
    fn record(&mut self) -> Result<Option<Word>> {
        if let Next::Record(word) = self.look()? {
            return Ok(Some(word));
        }
        if self.next != self.head.released() {
            self.publish_head()?;
        }
        Ok(None)
    }

    /// What stands at `next`, which moves past what is neither a record nor one to come.
    #[inline]
    fn look(&mut self) -> Result<Next> {
        // Ends: behind a whole capacity of what is passed over the words are of the lap before.
        loop {
            let word = match self.chain.link(&self.memory, self.next) {
                Ok(Link::Taken(word)) => word,
                Ok(Link::Free(_)) => return Ok(Next::Nothing),
                Ok(Link::Past) => {
                    let at = self.chain.word(self.next);
                    let lap = self.chain.lap(self.next);
                    let error = Error::corrupt("a reservation is of a lap to come", at, lap, "a later one");
                    return Err(self.poison.set(error));
                }
                Err(error) => return Err(self.poison.set(error)),
            };
            match word.state() {
                State::Committed => return Ok(Next::Record(word)),
                State::Reserved => {
                    return Ok(Next::Blocked(Blocked { position: self.next, slot: word.owner(), word }));
                }
                State::Pad | State::Abandoned => self.pass(word),
            }
        }
    }

    /// Moves past the word at `next`.
    #[cold]
    fn pass(&mut self, word: Word) {
        self.next += word.granules() * GRANULE as u64;
        if word.state() == State::Abandoned {
            self.read.abandoned += 1;
        }
    }

    /// Gives everything before `next` back to the producers.
    fn publish_head(&mut self) -> Result<()> {
        let head = self.next;
        // First, so that nobody sees the tail behind the head.
        self.chain.advance(&self.memory, head);
        self.head.publish(&self.memory, head, self.read).map_err(|error| self.poison.set(error))?;
        waiters::wake(&self.memory, &self.chain, &mut self.bells, head);
        Ok(())
    }
}
