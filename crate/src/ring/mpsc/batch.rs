//! Batches: one reservation for many records, seen all at once or not at all.

use std::sync::atomic::Ordering;

use super::word::{State, Word};
use super::{Payload, Producer, room};
use crate::error::Result;
use crate::layout::{GRANULE, RECORD_HEADER};
use crate::memory::Memory;
use crate::ring::length;

impl<M: Memory> Producer<M> {
    /// Copies records in, in parts that each appear at once: as many of the following as make up no
    /// more than the largest record. Returns how many records were written; a part that does not fit
    /// now ends it.
    ///
    /// # Safety
    /// Every payload is readable for its length.
    pub unsafe fn try_write_batch(&mut self, payloads: &[Payload]) -> Result<usize> {
        if let Some(largest) = payloads.iter().map(|payload| payload.length).max() {
            length::check(largest, self.max_record())?;
        }
        let most = room(self.max_record());
        let mut written = 0;
        while written < payloads.len() {
            let (count, bytes) = length::part(&payloads[written..], most, room);
            // SAFETY: the caller's contract.
            match unsafe { self.write_part(&payloads[written..written + count], bytes) } {
                Ok(true) => written += count,
                // Parts that are visible are not denied: the next call meets the same error.
                Err(error) if written == 0 => return Err(error),
                Ok(false) | Err(_) => break,
            }
        }
        Ok(written)
    }

    /// # Safety
    /// Every payload is readable for its length.
    unsafe fn write_part(&mut self, payloads: &[Payload], bytes: u64) -> Result<bool> {
        self.begin_write()?;
        let Some((start, word)) = self.reserve(bytes as usize - RECORD_HEADER, bytes)? else {
            return Ok(false);
        };
        let mut next = start;
        for payload in payloads {
            // SAFETY: the part was reserved as a whole; the caller's contract.
            unsafe { self.fill(next, *payload) };
            let granules = room(payload.length) / GRANULE as u64;
            if next != start {
                let inner = Word::new(word.lap(), word.owner(), granules, State::Committed);
                // ORDERING: Release; nobody looks there for a record before the first word is committed. But
                // a producer that has slept for a lap may, and must see how far the ring is by now.
                // Partner: Chain::link.
                self.memory.store64(self.chain.word(next), inner.0, Ordering::Release);
            }
            next += granules * GRANULE as u64;
        }
        let first = payloads.first().map_or(0, |payload| room(payload.length) / GRANULE as u64);
        let committed = word.with_granules(first).with_state(State::Committed);
        self.commit_at(start, word, committed, payloads.len() as u64)?;
        self.end_write();
        Ok(true)
    }
}
