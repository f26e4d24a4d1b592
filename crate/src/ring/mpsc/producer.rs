//! One of the writing sides of an `mpsc` ring.

use std::sync::atomic::Ordering;

use super::chain::Chain;
use super::claim::Claim;
use super::word::{State, Word};
use super::{Payload, room, waiters};
use crate::error::{Code, Error, Result};
use crate::layout::{GRANULE, Layout, RECORD_HEADER, slot};
use crate::ledger::{Entry, Ledger};
use crate::memory::Memory;
use crate::record::Header;
use crate::ring::claims;
use crate::ring::gate::Gate;
use crate::ring::notes::Notes;
use crate::ring::poison::Poison;
use crate::sleep::{Bell, Sleeper};

/// A writing side. Its owner holds the lock of its slot.
#[derive(Debug)]
pub struct Producer<M> {
    pub(super) memory: M,
    pub(super) chain: Chain,
    /// The number of its slot, and where that lies.
    pub(super) index: u32,
    pub(super) slot: usize,
    /// The last `head` that was read; the true one is not before it.
    pub(super) head: u64,
    /// Where this producer last saw the chain end: a reservation ends there, and the true end is not
    /// before it.
    pub(super) reach: u64,
    max_record: usize,
    /// Where the last record of this producer ends.
    end: u64,
    written: u64,
    ledger: Ledger,
    bell: Bell,
    pub(super) sleeper: Sleeper,
    pub(super) claim: Option<Claim>,
    pub(super) gate: Gate,
    pub(super) notes: Notes,
    pub(super) poison: Poison,
}

impl<M: Memory> Producer<M> {
    /// Attaches as the owner of slot `index`, whose lock the caller holds.
    pub fn attach(memory: M, layout: &Layout, index: u32) -> Result<Self> {
        let chain = Chain::new(layout);
        let slot = layout.slot(index);
        // ORDERING: Acquire; the consumer has done with what lies before. Loaded before the tail, so
        // that the tail is not before it. Partner: consumer::Consumer::publish_head.
        let head = memory.load64(chain.head, Ordering::Acquire);
        if !chain.is_position(head) {
            return Err(chain.impossible("the head is impossible", chain.head, 0, head));
        }
        let tail = chain.load_tail(&memory, head)?;
        // Reservations of this slot's dead owners lie before the floor, ours will not.
        let floor = chain.end(&memory, tail)?;
        // ORDERING: Release; with it all that the slot's former owners did is visible. It is published
        // itself by the first reservation. Partner: repair::is_below_floor.
        memory.store64(slot + slot::FLOOR, floor, Ordering::Release);
        let (ledger, entry) = Ledger::resume(&memory, slot + slot::LEDGER, |stamp| {
            super::repair::counts(&memory, &chain, slot, stamp)
        });
        waiters::clear(&memory, &chain, index);
        let producer = Producer {
            chain,
            index,
            slot,
            head,
            reach: floor,
            max_record: layout.max_record(),
            end: 0,
            written: entry.records,
            ledger,
            bell: Bell::new(chain.consumer),
            sleeper: Sleeper::new(&memory, slot),
            claim: None,
            gate: Gate::new(layout, slot),
            notes: Notes::open(&memory, slot),
            poison: Poison::default(),
            memory,
        };
        producer.end_write();
        Ok(producer)
    }

    /// Copies one record in. False when there is no room for it now.
    ///
    /// # Safety
    /// `payload` is readable for its length.
    #[inline(always)]
    pub unsafe fn try_write(&mut self, payload: Payload) -> Result<bool> {
        self.begin_write()?;
        let Some((start, word)) = self.reserve(payload.length, room(payload.length))? else {
            return Ok(false);
        };
        // SAFETY: reserved above; the caller's contract.
        unsafe { self.fill(start, payload) };
        self.commit_at(start, word, word.with_state(State::Committed), 1)?;
        self.end_write();
        Ok(true)
    }

    /// Bytes of the largest record.
    pub fn max_record(&self) -> usize {
        self.max_record
    }

    /// Records committed by the owners of this slot since the ring was made.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The position at which the last record of this producer ends; 0 when it has written none.
    pub fn end(&self) -> u64 {
        self.end
    }

    pub fn sleeper(&mut self) -> (&mut Sleeper, &M) {
        (&mut self.sleeper, &self.memory)
    }

    /// Whether what was found in the ring makes it unusable for this producer.
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Whether the ring is sealed.
    pub fn is_sealed(&self) -> bool {
        self.gate.is_sealed(&self.memory)
    }

    #[inline(always)]
    pub(super) fn begin_write(&mut self) -> Result<()> {
        if self.claim.is_some() || self.poison.is_set() {
            return Err(self.cannot_begin());
        }
        self.gate.begin(&self.memory)
    }

    #[inline(always)]
    pub(super) fn end_write(&self) {
        self.gate.end(&self.memory);
    }

    #[cold]
    fn cannot_begin(&self) -> Error {
        self.poison.check().err().unwrap_or_else(claims::open)
    }

    /// Ends this attachment: what it reserved, others may abandon once its lock is free.
    #[cold]
    pub(super) fn poisoned(&mut self, error: Error) -> Error {
        self.claim = None;
        self.notes.no_claim(&self.memory);
        self.end_write();
        self.poison.set(error)
    }

    /// Writes header and payload of one record at `start`.
    ///
    /// # Safety
    /// The room is reserved, and the payload readable for its length.
    #[inline(always)]
    pub(super) unsafe fn fill(&self, start: u64, payload: Payload) {
        self.expect(start, room(payload.length));
        self.put_header(start, payload.length);
        // SAFETY: a record never wraps and was reserved: it lies within the data area.
        unsafe {
            let at = self.chain.offset(start) + RECORD_HEADER;
            self.memory.copy_in(at, payload.bytes, payload.length);
        }
    }

    #[inline(always)]
    pub(super) fn put_header(&self, start: u64, length: usize) {
        let header = Header::Record(length).encode(start);
        // ORDERING: Relaxed; published by the commit. Partner: Producer::commit_at.
        self.memory.store64(self.chain.offset(start), header, Ordering::Relaxed);
    }

    /// Turns the reservation `word` at `start` into `committed`, the first of `records`.
    #[inline(always)]
    pub(super) fn commit_at(&mut self, start: u64, word: Word, committed: Word, records: u64) -> Result<()> {
        // A damaged count is no reason to fail, and no more than a wrong number.
        let written = self.written.wrapping_add(records);
        let entry = Entry { records: written, abandoned: 0 };
        self.ledger.record(&self.memory, stamp(start), entry);
        self.settle(start, word, committed)?;
        self.written = written;
        self.end = start + word.granules() * GRANULE as u64;
        Ok(())
    }

    /// Ends the reservation `word` at `start`, and tells the consumer.
    #[inline(always)]
    pub(super) fn settle(&mut self, start: u64, word: Word, settled: Word) -> Result<()> {
        // ORDERING: Release; publishes payload, header and ledger. Relaxed on failure: nothing of what
        // is found is used. Partner: Chain::link.
        let exchanged = self.memory.compare_exchange64(
            self.chain.word(start),
            word.0,
            settled.0,
            Ordering::Release,
            Ordering::Relaxed,
        );
        if let Err(found) = exchanged {
            return Err(self.fenced(start, word, found));
        }
        let me = u64::from(self.index);
        let mut for_me = false;
        self.tell(|awaited| {
            for_me = awaited == me;
            awaited == 0 || for_me
        });
        if for_me {
            // It may have slept over something else, which only says that it is ours.
            self.disown_at_head();
        }
        Ok(())
    }

    /// Wakes the consumer if it sleeps and `concerned`, by the slot that it waits for, 0 for any.
    #[inline(always)]
    pub(super) fn tell(&mut self, concerned: impl FnOnce(u64) -> bool) {
        let (memory, consumer) = (&self.memory, self.chain.consumer);
        // ORDERING: Relaxed; read after the announcement was seen, with which it came. Partner:
        // consumer::Consumer::announce_sleep.
        self.bell.ring(memory, || concerned(memory.load64(consumer + slot::WANTED, Ordering::Relaxed)));
    }

    #[cold]
    fn fenced(&mut self, start: u64, word: Word, found: u64) -> Error {
        self.poisoned(
            Error::new(
                Code::Fenced,
                format!(
                    "the reservation of this producer at {start} was taken for that of a dead one; the locks \
                     of this file system cannot be trusted"
                ),
            )
            .with("expected", word.0)
            .with("found", found),
        )
    }
}

/// The ledger's stamp of a reservation at `start`: never 0, which is that of a fresh ledger.
pub(super) const fn stamp(start: u64) -> u64 {
    start + RECORD_HEADER as u64
}
