//! Where the words of an `mpsc` segment lie, and what stands at a position of the chain.

use std::sync::atomic::Ordering;

use super::word::{LAST_LAP, Word};
use crate::error::{Error, Result};
use crate::layout::{CONSUMER_SLOT, GRANULE, Layout, control};
use crate::memory::Memory;
use crate::ring::LAST_POSITION;

/// How many bytes the tail stays behind the end of the chain, about, in a ring that is large enough: what
/// somebody walks over at most who comes late. NB: where the tail is moved for each record, two producers
/// take 77 ns a record instead of 52 (bench/run.mjs).
const STRIDE: u64 = 16 << 10;

/// A private copy of the layout, never read again from shared memory. Positions count bytes since
/// the ring was made and are multiples of [`GRANULE`].
#[derive(Debug, Clone, Copy)]
pub struct Chain {
    pub(super) tail: usize,
    pub(super) head: usize,
    pub(super) sealed: usize,
    pub(super) waiters: usize,
    pub(super) consumer: usize,
    pub(super) data: usize,
    pub(super) capacity: u64,
    /// How far a reservation may carry the chain's end before the tail follows.
    pub(super) stride: u64,
    /// No position passes this one: its lap is the last that a word can carry, or it is the last of all.
    pub(super) last: u64,
    words: usize,
    shift: u32,
    layout: Layout,
}

/// What stands at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Nobody has taken space there. The word found has to be replaced by whoever does.
    Free(Word),
    Taken(Word),
    /// The ring has gone round meanwhile: the position is an old one.
    Past,
}

impl Chain {
    pub fn new(layout: &Layout) -> Self {
        Chain {
            tail: layout.control + control::TAIL,
            head: layout.control + control::HEAD,
            sealed: layout.control + control::SEALED,
            waiters: layout.control + control::WAITERS,
            consumer: layout.slot(CONSUMER_SLOT),
            data: layout.data,
            capacity: layout.capacity as u64,
            stride: (layout.capacity as u64 / 16).clamp(GRANULE as u64, STRIDE),
            last: LAST_POSITION.min((LAST_LAP << layout.capacity.trailing_zeros()) - 1),
            words: layout.chain,
            shift: layout.capacity.trailing_zeros(),
            layout: *layout,
        }
    }

    /// What stands at `position`, which the caller knows to be a place where a reservation begins or
    /// will begin. A word that cannot be true is an error.
    #[inline(always)]
    pub fn link<M: Memory>(&self, memory: &M, position: u64) -> Result<Link> {
        // ORDERING: Acquire; what was written before the word was is visible: the payload before a
        // commit, the head that made room for a reservation. Partners: producer::Producer::commit_at,
        // room's reservation, repair::abandon.
        let word = Word(memory.load64(self.word(position), Ordering::Acquire));
        let lap = self.lap(position);
        if word.lap() != lap {
            return Ok(if word.lap() < lap { Link::Free(word) } else { Link::Past });
        }
        let bytes = word.granules() * GRANULE as u64;
        // The consumer reserves nothing: its slot comes before the producers', and wraps to the end.
        let producer = word.owner().wrapping_sub(1) < self.layout.slot_count - 1;
        if bytes == 0 || bytes > self.rest(position) || !producer {
            return Err(self.damaged(position, word));
        }
        Ok(Link::Taken(word))
    }

    #[cold]
    fn damaged(&self, position: u64, word: Word) -> Error {
        let at = self.word(position);
        Error::corrupt("a reservation is damaged", at, format!("a word of position {position}"), word.0)
    }

    /// Moves the tail to `position`, where a reservation or a record ends, unless it is there or further.
    pub(super) fn advance<M: Memory>(&self, memory: &M, position: u64) {
        // ORDERING: Relaxed; only whether it is behind counts.
        let mut tail = memory.load64(self.tail, Ordering::Relaxed);
        while tail < position {
            // ORDERING: Release; who sees the tail behind a reservation sees the reservation, and a head
            // that made room for it. Relaxed on failure: as above. Partner: Chain::load_tail.
            match memory.compare_exchange64(self.tail, tail, position, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => tail = found,
            }
        }
    }

    /// Where the next reservation will begin, or would have begun a moment ago: walks there from the
    /// tail, which was loaded as `tail`.
    pub fn end<M: Memory>(&self, memory: &M, tail: u64) -> Result<u64> {
        let mut position = tail;
        loop {
            match self.link(memory, position)? {
                Link::Free(_) => return Ok(position),
                Link::Taken(word) => position += word.granules() * GRANULE as u64,
                Link::Past => position = self.moved_tail(memory, position)?,
            }
        }
    }

    /// The tail, after the word at `position` was one of a later lap: it must be further by now.
    #[cold]
    pub(super) fn moved_tail<M: Memory>(&self, memory: &M, position: u64) -> Result<u64> {
        let tail = self.load_tail(memory, position)?;
        if tail == position {
            let expected = format!("lap {} at most", self.lap(position));
            let at = self.word(position);
            return Err(Error::corrupt("a reservation is of a lap to come", at, expected, "a later one"));
        }
        Ok(tail)
    }

    /// The tail, if it can be true.
    #[inline(always)]
    pub(super) fn load_tail<M: Memory>(&self, memory: &M, least: u64) -> Result<u64> {
        // ORDERING: Acquire; partner: Chain::advance.
        let tail = memory.load64(self.tail, Ordering::Acquire);
        if tail < least || !self.is_position(tail) {
            return Err(self.impossible("the tail is impossible", self.tail, least, tail));
        }
        Ok(tail)
    }

    /// Whether a reservation can begin at `position`.
    #[inline(always)]
    pub(super) fn is_position(&self, position: u64) -> bool {
        position <= self.last && position.is_multiple_of(GRANULE as u64)
    }

    #[cold]
    pub(super) fn impossible(&self, what: &str, at: usize, least: u64, found: u64) -> Error {
        Error::corrupt(what, at, format!("a multiple of {GRANULE} from {least}"), found)
    }

    /// Which time round the ring `position` belongs to, from 1.
    #[inline(always)]
    pub(super) fn lap(&self, position: u64) -> u64 {
        (position >> self.shift) + 1
    }

    /// Offset of the control word of `position`.
    #[inline(always)]
    pub(super) fn word(&self, position: u64) -> usize {
        self.words + ((position & (self.capacity - 1)) as usize / GRANULE) * 8
    }

    /// Offset of the data of `position`.
    #[inline(always)]
    pub(super) fn offset(&self, position: u64) -> usize {
        self.data + (position & (self.capacity - 1)) as usize
    }

    /// Bytes from `position` to the end of the buffer.
    #[inline(always)]
    pub(super) fn rest(&self, position: u64) -> u64 {
        self.capacity - (position & (self.capacity - 1))
    }

    /// Offset of a slot.
    #[inline(always)]
    pub(super) fn slot(&self, index: u32) -> usize {
        self.layout.slot(index)
    }
}
