//! The reading side of an `spsc` ring.

use std::sync::atomic::Ordering;

use super::{Peeked, Places};
use crate::error::{Code, Error, Result};
use crate::layout::{Layout, RECORD_ALIGN, RECORD_HEADER, slot};
use crate::ledger::Entry;
use crate::memory::Memory;
use crate::record::{Header, span};
use crate::ring::head::Head;
use crate::ring::poison::Poison;
use crate::ring::{LAST_POSITION, gate};
use crate::sleep::{Announced, Bell, Sleeper};

/// The reading side. Its owner holds the lock of the consumer's slot.
#[derive(Debug)]
pub struct Consumer<M> {
    memory: M,
    places: Places,
    head: Head,
    /// Where the next record starts, behind padding that is skipped but not yet released.
    next: u64,
    /// The last `tail` that was read; the true one is not before it.
    tail: u64,
    read: Entry,
    /// Records of the run handed out last, and how many of them are released already.
    run: usize,
    run_released: usize,
    bell: Bell,
    sleeper: Sleeper,
    poison: Poison,
}

impl<M: Memory> Consumer<M> {
    /// Attaches where the released records end. The caller holds the lock of the consumer's slot.
    pub fn attach(memory: M, layout: &Layout) -> Result<Self> {
        let places = Places::new(layout);
        let (head, read) = Head::attach(&memory, layout, RECORD_ALIGN as u64, LAST_POSITION)?;
        let released = head.released();
        let mut consumer = Consumer {
            places,
            head,
            next: released,
            tail: released,
            read,
            run: 0,
            run_released: 0,
            bell: Bell::new(places.producer),
            sleeper: Sleeper::new(&memory, places.consumer),
            poison: Poison::default(),
            memory,
        };
        consumer.refresh_tail()?;
        Ok(consumer)
    }

    /// Looks at the records that come next, without releasing any: at most `limit` of them, as many
    /// as `ranges` takes (two numbers each: where the payload starts and ends in the data area), at
    /// most an eighth of the capacity unless one record is larger, and never past the end of the
    /// buffer. With `fresh` it asks the producer for news first, without it only when it knows of
    /// nothing. An empty answer has released whatever padding was in the way.
    #[inline]
    pub fn peek(&mut self, ranges: &mut [u32], limit: usize, fresh: bool) -> Result<Peeked> {
        self.poison.check()?;
        if fresh {
            self.refresh_tail()?;
        }
        let first = self.record()?;
        Ok(self.run(first, ranges, limit))
    }

    /// Like [`Consumer::peek`], but looks only at what was known already. For going on with a drain
    /// up to where the producer was when it began.
    #[inline]
    pub fn peek_known(&mut self, ranges: &mut [u32], limit: usize) -> Result<Peeked> {
        self.poison.check()?;
        let first = self.known_record()?;
        if first.is_none() {
            self.release_padding()?;
        }
        Ok(self.run(first, ranges, limit))
    }

    /// Collects the run that begins at `next` with a record of `first` bytes.
    fn run(&mut self, first: Option<usize>, ranges: &mut [u32], limit: usize) -> Peeked {
        let limit = limit.min(ranges.len() / 2);
        let most = self.places.capacity / 8;
        let (mut at, mut count) = (self.next, 0);
        let mut record = first;
        while let Some(length) = record.filter(|_| count < limit) {
            let end = at + span(length) as u64;
            if count > 0 && end - self.next > most {
                break;
            }
            // Every header's place is known only from the one before: four of them, as long as this
            // one, ahead, the way between two cores is hidden (NB: bench/run.mjs, cores far).
            self.memory.expect_read(self.places.offset(end + 4 * span(length) as u64));
            let start = self.places.offset(at) - self.places.data + RECORD_HEADER;
            ranges[2 * count] = start as u32;
            ranges[2 * count + 1] = (start + length) as u32;
            count += 1;
            at = end;
            if at == self.tail || at & (self.places.capacity - 1) == 0 {
                break;
            }
            // Padding ends the run, and so does damage: whole records before it are handed out.
            record = match self.header(at) {
                Ok(Header::Record(length)) => Some(length),
                _ => None,
            };
        }
        (self.run, self.run_released) = (count, 0);
        Peeked { position: self.next, count }
    }

    /// Releases the records of the run that `peek` found last up to its `count`th, counted from
    /// its start; `ranges` is as that call left it.
    #[inline]
    pub fn release(&mut self, ranges: &[u32], count: usize) -> Result<()> {
        self.poison.check()?;
        if count <= self.run_released {
            return Ok(());
        }
        let too_much = || Error::new(Code::InvalidArgument, "more is released than was handed out");
        if count > self.run {
            return Err(too_much());
        }
        let end = ranges[2 * count - 1] as u64;
        let offset = self.next & (self.places.capacity - 1);
        let next = self.next.wrapping_add(end.next_multiple_of(8).wrapping_sub(offset));
        if next <= self.next || next > self.tail {
            return Err(too_much());
        }
        self.next = next;
        self.read.records += (count - self.run_released) as u64;
        self.run_released = count;
        self.publish_head()
    }

    /// Whether a record is there, after padding: what waits look at.
    pub fn has_record(&mut self) -> Result<bool> {
        self.poison.check()?;
        Ok(self.record()?.is_some())
    }

    /// Bytes of ring space that are known to be committed, after asking the producer.
    pub fn available(&mut self) -> Result<u64> {
        self.poison.check()?;
        self.refresh_tail()?;
        Ok(self.tail - self.next)
    }

    /// Position of the next record, as far as padding before it has been seen.
    pub fn position(&mut self) -> Result<u64> {
        self.poison.check()?;
        self.record()?;
        Ok(self.next)
    }

    /// Records released since the ring was made.
    pub fn read(&self) -> u64 {
        self.read.records
    }

    /// Whether the ring is sealed.
    pub fn is_sealed(&self) -> bool {
        gate::is_sealed(&self.memory, self.places.sealed)
    }

    /// Whether the producer, if it lives, may still be inside a write that began before the seal
    /// which the caller has just seen. After a `false`, one more look at the ring is the last. `fenced`: it
    /// is known to use full fences; else it may always be where the barrier did not reach it.
    pub fn producer_is_writing(&self, fenced: bool) -> bool {
        let reached = self.memory.sleeper_fence();
        !(reached || fenced) || gate::is_writing(&self.memory, self.places.producer)
    }

    /// Announces a sleep until something is published; see [`Sleeper`].
    pub fn announce_sleep(&mut self) -> Announced {
        self.sleeper.announce(&self.memory)
    }

    pub fn sleeper(&mut self) -> (&mut Sleeper, &M) {
        (&mut self.sleeper, &self.memory)
    }

    /// Bytes of the record at `next`, asking the producer when none is known. `None`: there is none,
    /// and whatever padding was skipped is released, since the producer may wait for that room.
    #[inline]
    fn record(&mut self) -> Result<Option<usize>> {
        let mut record = self.known_record()?;
        if record.is_none() {
            self.refresh_tail()?;
            record = self.known_record()?;
            if record.is_none() {
                self.release_padding()?;
            }
        }
        Ok(record)
    }

    /// Bytes of the record at `next`, which moves behind padding. `None`: none is known.
    #[inline]
    fn known_record(&mut self) -> Result<Option<usize>> {
        // At most twice: padding ends where the buffer does, and none can begin there.
        while self.next != self.tail {
            match self.header(self.next).map_err(|error| self.poison.set(error))? {
                Header::Record(length) => return Ok(Some(length)),
                padding => self.next += padding.span() as u64,
            }
        }
        Ok(None)
    }

    fn release_padding(&mut self) -> Result<()> {
        if self.next == self.head.released() { Ok(()) } else { self.publish_head() }
    }

    /// The header at `position`, checked against everything that is known.
    #[inline]
    fn header(&self, position: u64) -> Result<Header> {
        // ORDERING: Relaxed; visible since refresh_tail saw a tail behind it.
        let word = self.memory.load64(self.places.offset(position), Ordering::Relaxed);
        if let Some(header) = Header::decode(position, word) {
            let span = header.span() as u64;
            let rest = self.places.rest(position);
            let fits = match header {
                Header::Record(_) => span <= rest,
                // At the start of the buffer there is nothing to pad.
                Header::Padding(_) => span == rest && rest != self.places.capacity,
            };
            if fits && span <= self.tail - position {
                return Ok(header);
            }
        }
        let expected = format!("a record header of position {position}");
        let at = self.places.offset(position);
        Err(Error::corrupt("a record is damaged", at, expected, word))
    }

    /// Reads the producer's position and checks that it can be true.
    #[inline]
    fn refresh_tail(&mut self) -> Result<()> {
        // ORDERING: Acquire; the records before it are visible. Partner:
        // producer::Producer::publish.
        let found = self.memory.load64(self.places.tail, Ordering::Acquire);
        let least = self.tail;
        if found.wrapping_sub(self.head.released()) > self.places.capacity || found < least || found & 7 != 0
        {
            let most = self.head.released() + self.places.capacity;
            let expected = format!("a multiple of 8 from {least} to {most}");
            let at = self.places.tail;
            return Err(self.poison.set(Error::corrupt(
                "the producer's tail is impossible",
                at,
                expected,
                found,
            )));
        }
        self.tail = found;
        Ok(())
    }

    /// Gives everything before `next` back to the producer.
    fn publish_head(&mut self) -> Result<()> {
        let head = self.next;
        self.head.publish(&self.memory, head, self.read).map_err(|error| self.poison.set(error))?;
        let (memory, wanted_at) = (&self.memory, self.places.producer + slot::WANTED);
        // ORDERING: Relaxed; read after the announcement was seen. A stale wish costs one slice
        // at most. Partner: producer::Producer::announce_sleep.
        self.bell.ring(memory, || head >= memory.load64(wanted_at, Ordering::Relaxed));
        Ok(())
    }
}
