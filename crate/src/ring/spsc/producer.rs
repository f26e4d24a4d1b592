//! The writing side of an `spsc` ring.

use std::sync::atomic::Ordering;

use super::claim::Claim;
use super::{Payload, Places};
use crate::error::{Error, Result};
use crate::layout::{Layout, RECORD_HEADER, slot};
use crate::ledger::{Entry, Ledger};
use crate::memory::Memory;
use crate::record::{Header, span};
use crate::ring::LAST_POSITION;
use crate::ring::gate::Gate;
use crate::ring::notes::Notes;
use crate::ring::poison::Poison;
use crate::ring::{claims, length};
use crate::sleep::{Bell, Sleeper};

/// The writing side. Its owner holds the lock of the producer's slot.
#[derive(Debug)]
pub struct Producer<M> {
    pub(super) memory: M,
    pub(super) places: Places,
    /// Where the next record starts: the authority, of which the shared `tail` is a copy.
    pub(super) tail: u64,
    /// The last `head` that was read; the true one is not before it.
    pub(super) head: u64,
    /// Where the last record of this producer ends; padding alone may lie behind it.
    pub(super) end: u64,
    pub(super) written: u64,
    pub(super) ledger: Ledger,
    bell: Bell,
    pub(super) sleeper: Sleeper,
    pub(super) claim: Option<Claim>,
    pub(super) gate: Gate,
    pub(super) notes: Notes,
    pub(super) poison: Poison,
}

impl<M: Memory> Producer<M> {
    /// Attaches where the committed records end. The caller holds the lock of the producer's slot.
    pub fn attach(memory: M, layout: &Layout) -> Result<Self> {
        let places = Places::new(layout);
        // ORDERING: Acquire on both; the predecessor's and the consumer's stores before them are
        // visible. Partners: Producer::publish, consumer::Consumer::publish_head.
        let tail = memory.load64(places.tail, Ordering::Acquire);
        let head = memory.load64(places.head, Ordering::Acquire);
        if !tail.is_multiple_of(8) || tail > LAST_POSITION {
            let expected = format!("a multiple of 8 up to {LAST_POSITION}");
            return Err(Error::corrupt("the tail is impossible", places.tail, expected, tail));
        }
        let waiting = tail.wrapping_sub(head);
        if head > tail || waiting > places.capacity || !head.is_multiple_of(8) {
            return Err(Error::corrupt(
                "head and tail do not fit together",
                places.head,
                format!("at most {} bytes before the tail {tail}", places.capacity),
                head,
            ));
        }
        let at = places.producer + slot::LEDGER;
        let (ledger, entry) = Ledger::open(&memory, at, tail).ok_or_else(|| {
            Error::corrupt("the producer's ledger has no entry for the tail", at, tail, "none")
        })?;
        let producer = Producer {
            places,
            tail,
            head,
            end: 0,
            written: entry.records,
            ledger,
            bell: Bell::new(places.consumer),
            sleeper: Sleeper::new(&memory, places.producer),
            claim: None,
            gate: Gate::new(layout, places.producer),
            notes: Notes::open(&memory, places.producer),
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
        let start = match self.reserve(payload.length, span(payload.length) as u64) {
            Ok(Some(start)) => start,
            refusal => return self.refuse(refusal).map(|_| false),
        };
        // SAFETY: reserved above; the caller's contract.
        let end = unsafe { self.fill(start, payload) };
        self.publish(end, 1);
        self.end_write();
        Ok(true)
    }

    /// Copies records in, in parts that each appear at once: as many of the following as make up
    /// no more than the largest record. Returns how many records were written; a part that does not
    /// fit now ends it.
    ///
    /// # Safety
    /// Every payload is readable for its length.
    pub unsafe fn try_write_batch(&mut self, payloads: &[Payload]) -> Result<usize> {
        if let Some(largest) = payloads.iter().map(|payload| payload.length).max() {
            length::check(largest, self.max_record())?;
        }
        let mut written = 0;
        while written < payloads.len() {
            let (count, bytes) =
                length::part(&payloads[written..], self.places.capacity, |length| span(length) as u64);
            // Parts that are visible are not denied: the next call meets the same error.
            let or_written = |error| if written > 0 { Ok(written) } else { Err(error) };
            if let Err(error) = self.begin_write() {
                return or_written(error);
            }
            let mut next = match self.reserve(bytes as usize - RECORD_HEADER, bytes) {
                Ok(Some(start)) => start,
                refusal => return self.refuse(refusal).map(|()| written).or_else(or_written),
            };
            for payload in &payloads[written..written + count] {
                // SAFETY: the part was reserved as a whole; the caller's contract.
                next = unsafe { self.fill(next, *payload) };
            }
            self.publish(next, count as u64);
            self.end_write();
            written += count;
        }
        Ok(written)
    }

    /// Bytes of the largest record.
    pub fn max_record(&self) -> usize {
        self.places.capacity as usize - RECORD_HEADER
    }

    /// Records committed since the ring was made.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The position up to which this producer has published, padding included.
    pub fn tail(&self) -> u64 {
        self.tail
    }

    /// The position at which the last record of this producer ends; 0 when it has written none.
    pub fn end(&self) -> u64 {
        self.end
    }

    pub fn sleeper(&mut self) -> (&mut Sleeper, &M) {
        (&mut self.sleeper, &self.memory)
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

    /// Whether damage has made this producer unusable for good.
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Writes one whole record at `start` and returns its end.
    ///
    /// # Safety
    /// The room is reserved, and the payload readable for its length.
    #[inline(always)]
    unsafe fn fill(&self, start: u64, payload: Payload) -> u64 {
        let header = Header::Record(payload.length);
        self.expect(start, header.span() as u64);
        self.put_header(start, header);
        // SAFETY: a record never wraps and was reserved: it lies within the data area.
        unsafe {
            let at = self.places.offset(start) + RECORD_HEADER;
            self.memory.copy_in(at, payload.bytes, payload.length);
        }
        start + header.span() as u64
    }

    #[inline(always)]
    pub(super) fn put_header(&self, position: u64, header: Header) {
        // ORDERING: Relaxed; published by the store of the tail. Partner: Producer::publish.
        self.memory.store64(self.places.offset(position), header.encode(position), Ordering::Relaxed);
    }

    /// Makes everything before `tail` visible.
    #[inline(always)]
    pub(super) fn publish(&mut self, tail: u64, records: u64) {
        self.written += records;
        let entry = Entry { records: self.written, abandoned: 0 };
        self.ledger.record(&self.memory, tail, entry);
        // ORDERING: Release; publishes headers, payloads and the ledger. Partner:
        // consumer::Consumer::refresh_tail (Acquire).
        self.memory.store64(self.places.tail, tail, Ordering::Release);
        self.tail = tail;
        if records > 0 {
            self.end = tail;
        }
        self.tell();
    }

    /// Wakes the consumer if it sleeps.
    #[inline(always)]
    pub fn tell(&mut self) {
        self.bell.ring(&self.memory, || true);
    }
}
