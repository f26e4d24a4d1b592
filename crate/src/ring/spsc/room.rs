//! Room for the producer: how much of it is free, when to pad, and what it waits for.

use std::sync::atomic::Ordering;

use super::Producer;
use crate::error::{Error, Result};
use crate::layout::{RECORD_HEADER, slot};
use crate::memory::Memory;
use crate::record::{Header, span};
use crate::ring::ahead::ends_ahead;
use crate::ring::length;
use crate::sleep::Announced;

impl<M: Memory> Producer<M> {
    /// Whether a record of `length` bytes would be accepted now. Clears the way for it, as a refused
    /// write does.
    pub fn has_room(&mut self, length: usize) -> Result<bool> {
        self.begin_write()?;
        let room = self.reserve(length, span(length) as u64);
        self.end_write();
        Ok(room?.is_some())
    }

    /// Whether the consumer has released everything up to `position`.
    pub fn is_released(&mut self, position: u64) -> Result<bool> {
        self.poison.check()?;
        if self.head < position {
            self.refresh_head()?;
            self.mend();
        }
        Ok(self.head >= position)
    }

    /// Puts right what others have written in this producer's name, and what holds up the consumer as
    /// long as this producer lives: its mark is down outside of a write.
    #[cold]
    pub fn mend(&mut self) {
        if self.claim.is_none() {
            self.gate.mend(&self.memory);
        }
    }

    /// Announces a sleep until there is room for a record of `length` bytes; see [`Sleeper`].
    pub fn announce_sleep(&mut self, length: usize) -> Announced {
        let need = self.need(span(length) as u64);
        // Where padding and record never fit together, the padding goes first.
        let need = if need > self.places.capacity { self.places.rest(self.tail) } else { need };
        let wanted = (self.tail + need).saturating_sub(self.places.capacity);
        // ORDERING: Relaxed; the announcement's Release store publishes it. Partner:
        // consumer::Consumer::publish_head.
        self.memory.store64(self.places.producer + slot::WANTED, wanted, Ordering::Relaxed);
        self.sleeper.announce(&self.memory)
    }

    /// Makes room for `bytes` in one piece, whose first record has `length` bytes of payload, and
    /// returns where it starts. The padding before it, if any, is written but not yet published;
    /// only when both do not fit it is published alone, so that the consumer can clear the way.
    #[inline(always)]
    pub(super) fn reserve(&mut self, length: usize, bytes: u64) -> Result<Option<u64>> {
        // Nearly always: there is room, in one piece, by what is known.
        let known = self.places.capacity - (self.tail - self.head);
        if bytes <= known && bytes <= self.places.rest(self.tail) {
            return Ok(Some(self.tail));
        }
        self.reserve_looking(length, bytes)
    }

    #[inline(never)]
    fn reserve_looking(&mut self, length: usize, bytes: u64) -> Result<Option<u64>> {
        if bytes > self.places.capacity {
            return Err(length::too_large(length, self.max_record()));
        }
        let need = self.need(bytes);
        let room = self.fits(need)?;
        if need == bytes {
            return Ok(room.then_some(self.tail));
        }
        let rest = need - bytes;
        if room || self.fits(rest)? {
            self.put_header(self.tail, Header::Padding(rest as usize - RECORD_HEADER));
            if !room {
                self.publish(self.tail + rest, 0);
                // Padding up to the end may have been all that was in the way.
                return Ok(self.fits(bytes)?.then_some(self.tail));
            }
            return Ok(Some(self.tail + rest));
        }
        Ok(None)
    }

    /// Bytes that must be free for `bytes` in one piece: with the padding before it, if the rest of
    /// the buffer is too short.
    #[inline]
    fn need(&self, bytes: u64) -> u64 {
        let rest = self.places.rest(self.tail);
        if bytes <= rest { bytes } else { rest + bytes }
    }

    #[inline]
    fn fits(&mut self, need: u64) -> Result<bool> {
        // No overflow: positions end at LAST_POSITION, `need` is at most two capacities, and the
        // head is never past the tail.
        if self.tail + need - self.head > self.places.capacity {
            self.refresh_head()?;
            return Ok(self.tail + need - self.head <= self.places.capacity);
        }
        Ok(true)
    }

    /// Reads the consumer's position and checks that it can be true.
    #[cold]
    fn refresh_head(&mut self) -> Result<()> {
        // ORDERING: Acquire; the consumer has done with the bytes before it. Partner:
        // consumer::Consumer::publish_head.
        let found = self.memory.load64(self.places.head, Ordering::Acquire);
        let moved = found.wrapping_sub(self.head);
        if moved > self.tail - self.head || !found.is_multiple_of(8) {
            let expected = format!("a multiple of 8 from {} to {}", self.head, self.tail);
            let error =
                Error::corrupt("the consumer's head is impossible", self.places.head, expected, found);
            self.claim = None;
            self.notes.no_claim(&self.memory);
            self.end_write();
            return Err(self.poison.set(error));
        }
        self.head = found;
        Ok(())
    }

    #[cold]
    pub(super) fn refuse(&mut self, refusal: Result<Option<u64>>) -> Result<()> {
        self.end_write();
        refusal?;
        self.notes.refuse(&self.memory);
        Ok(())
    }

    /// Asks for both ends of a record that will be written soon; see [`ends_ahead`].
    #[inline(always)]
    pub(super) fn expect(&self, start: u64, bytes: u64) {
        if let Some(ends) = ends_ahead(start, bytes, self.head, self.places.capacity) {
            ends.into_iter().for_each(|end| self.memory.expect_write(self.places.offset(end)));
        }
    }
}
