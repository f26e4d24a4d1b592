//! Room for a producer: where the chain ends, whether there is space, and what to wait for.

use std::sync::atomic::Ordering;

use super::back_off::BackOff;
use super::chain::Link;
use super::repair::abandon_if_dead;
use super::word::{State, Word};
use super::{Producer, room, waiters};
use crate::error::{Error, Result};
use crate::layout::{GRANULE, slot};
use crate::memory::Memory;
use crate::ring::ahead::ends_ahead;
use crate::ring::length;
use crate::sleep::{Announced, Bell};

/// How often a producer begins anew because others were faster, before it says that there is no room
/// now: a bound on what damaged words could make of it.
const ATTEMPTS: u32 = 1 << 16;

/// After so many steps from reservation to reservation a producer looks whether the tail is further.
const STEPS: u32 = 16;

/// A place at which a reservation can be made now.
struct Place {
    tail: u64,
    /// What the reservation replaces.
    word: Word,
}

impl<M: Memory> Producer<M> {
    /// Whether a record of `length` bytes would be accepted now.
    pub fn has_room(&mut self, length: usize) -> Result<bool> {
        self.begin_write()?;
        let place = length::check(length, self.max_record()).and_then(|()| self.find(room(length)));
        self.end_write();
        Ok(place?.is_some())
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

    /// Announces a sleep until there is room for a record of `length` bytes; to be ended with
    /// [`Producer::end_sleep`].
    pub fn announce_sleep(&mut self, length: usize) -> Announced {
        // Others take more meanwhile, which makes the wish too modest: it is woken too early and wishes
        // again.
        let (end, need) = (self.reach, self.need(self.reach, room(length)));
        let wanted = end.saturating_add(need).saturating_sub(self.chain.capacity);
        // ORDERING: Relaxed; the announcement's Release store publishes it. Partner: waiters::wake.
        self.memory.store64(self.slot + slot::WANTED, wanted, Ordering::Relaxed);
        waiters::set(&self.memory, &self.chain, self.index);
        self.sleeper.announce(&self.memory)
    }

    pub fn end_sleep(&mut self, announced: Announced) {
        self.sleeper.leave(&self.memory, announced);
        waiters::clear(&self.memory, &self.chain, self.index);
    }

    /// Abandons what stands next in line for the consumer if its owner is dead: he holds up everybody
    /// when the ring is full. True: it was so. `alive` says whether the lock of a slot is held.
    pub fn unblock(&mut self, alive: impl FnMut(u32) -> Result<bool>) -> Result<bool> {
        self.refresh_head()?;
        let Link::Taken(word) = self.chain.link(&self.memory, self.head)? else { return Ok(false) };
        if word.state() != State::Reserved || word.owner() == self.index {
            return Ok(false);
        }
        let abandoned = abandon_if_dead(&self.memory, &self.chain, self.head, word, alive)?;
        if abandoned {
            Bell::ring_anyway(&self.memory, self.chain.consumer);
        }
        Ok(abandoned)
    }

    /// Takes `bytes` in one piece, whose first record has `length` bytes of payload. `None`: there is
    /// no room now, which is counted, and the write is over.
    #[inline(always)]
    pub(super) fn reserve(&mut self, length: usize, bytes: u64) -> Result<Option<(u64, Word)>> {
        let reserved = length::check(length, self.max_record()).and_then(|()| self.take(bytes));
        match reserved {
            Ok(Some(_)) => {}
            Ok(None) => {
                self.end_write();
                self.notes.refuse(&self.memory);
            }
            Err(_) => self.end_write(),
        }
        reserved
    }

    #[inline(always)]
    fn take(&mut self, bytes: u64) -> Result<Option<(u64, Word)>> {
        let mut back_off = BackOff::default();
        for _ in 0..ATTEMPTS {
            let Some(Place { tail, word }) = self.find(bytes)? else { return Ok(None) };
            let lap = self.chain.lap(tail);
            let rest = self.chain.rest(tail);
            let (state, bytes_taken) =
                if bytes <= rest { (State::Reserved, bytes) } else { (State::Pad, rest) };
            let new = Word::new(lap, self.index, bytes_taken / GRANULE as u64, state);
            // ORDERING: Release; who sees the word, or a tail behind it, sees a head that made room for it.
            // Relaxed on failure: somebody was faster, and everything is read again. Partner:
            // Chain::link.
            let taken = self.memory.compare_exchange64(
                self.chain.word(tail),
                word.0,
                new.0,
                Ordering::Release,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                self.reach = tail + bytes_taken;
                // Not every time: its line would go from one producer to the next with each record.
                if (tail ^ self.reach) >= self.chain.stride {
                    self.chain.advance(&self.memory, self.reach);
                }
                if state == State::Reserved {
                    return Ok(Some((tail, new)));
                }
            } else {
                back_off.wait(&self.memory);
            }
        }
        Ok(None)
    }

    /// The end of the chain, if `bytes` in one piece fit there now, with the padding before them. It is
    /// looked for where this producer saw it last: nearly always, nobody or few have come since.
    #[inline(always)]
    fn find(&mut self, bytes: u64) -> Result<Option<Place>> {
        for attempt in 1..=ATTEMPTS {
            if self.reach < self.head || self.reach > self.chain.last || attempt % STEPS == 0 {
                self.catch_up()?;
            }
            let tail = self.reach;
            match self.chain.link(&self.memory, tail) {
                Ok(Link::Free(word)) => {
                    if tail + self.need(tail, bytes) - self.head <= self.chain.capacity {
                        return Ok(Some(Place { tail, word }));
                    }
                    if !self.refresh_head()? {
                        self.check_distance(tail)?;
                        return Ok(None);
                    }
                }
                Ok(Link::Taken(word)) => self.reach = tail + word.granules() * GRANULE as u64,
                Ok(Link::Past) => match self.chain.moved_tail(&self.memory, tail) {
                    Ok(tail) => self.reach = tail,
                    Err(error) => return Err(self.poisoned(error)),
                },
                Err(error) => return Err(self.poisoned(error)),
            }
        }
        Ok(None)
    }

    /// Goes on from the shared tail where that is further.
    #[cold]
    fn catch_up(&mut self) -> Result<()> {
        // After the head: the tail is not before it.
        let tail = self.chain.load_tail(&self.memory, self.head).map_err(|error| self.poisoned(error))?;
        self.reach = self.reach.max(tail);
        if self.reach > self.chain.last {
            let error =
                self.chain.impossible("the tail is impossible", self.chain.tail, self.head, self.reach);
            return Err(self.poisoned(error));
        }
        Ok(())
    }

    /// Bytes that must be free for `bytes` in one piece at `tail`: with the padding before it, if the
    /// rest of the buffer is too short.
    #[inline(always)]
    fn need(&self, tail: u64, bytes: u64) -> u64 {
        let rest = self.chain.rest(tail);
        if bytes <= rest { bytes } else { rest + bytes }
    }

    /// Reads the consumer's position; false when it is the same as before.
    #[cold]
    fn refresh_head(&mut self) -> Result<bool> {
        // ORDERING: Acquire; the consumer has done with the bytes before it. Partner:
        // consumer::Consumer::publish_head.
        let found = self.memory.load64(self.chain.head, Ordering::Acquire);
        if found < self.head || !self.chain.is_position(found) {
            let error =
                self.chain.impossible("the consumer's head is impossible", self.chain.head, self.head, found);
            return Err(self.poisoned(error));
        }
        let moved = found != self.head;
        self.head = found;
        if !moved {
            self.disown(found);
        }
        Ok(moved)
    }

    /// Puts right what others have written in this producer's name, and what holds up the consumer as
    /// long as this producer lives: outside of a write its mark is down, and it has reserved nothing but
    /// an open claim.
    #[cold]
    pub fn mend(&mut self) {
        if self.claim.is_none() {
            self.gate.mend(&self.memory);
        }
        self.disown_at_head();
    }

    #[cold]
    pub(super) fn disown_at_head(&self) {
        // ORDERING: Acquire, as in refresh_head, which judges it; here only what stands there counts.
        self.disown(self.memory.load64(self.chain.head, Ordering::Acquire));
    }

    /// Abandons a reservation at `head` that is said to be this producer's and is not.
    fn disown(&self, head: u64) {
        let own = self.claim.as_ref().is_some_and(|claim| claim.start == head);
        if own || !self.chain.is_position(head) {
            return;
        }
        let Ok(Link::Taken(word)) = self.chain.link(&self.memory, head) else { return };
        if word.state() == State::Reserved && word.owner() == self.index {
            // Nobody who lives holds it: we know.
            if let Ok(true) = abandon_if_dead(&self.memory, &self.chain, head, word, |_| Ok(false)) {
                Bell::ring_anyway(&self.memory, self.chain.consumer);
            }
        }
    }

    /// Whoever made the chain end at `tail` had seen a head, which is still the newest: it cannot be
    /// further than the capacity.
    fn check_distance(&mut self, tail: u64) -> Result<()> {
        if tail - self.head > self.chain.capacity {
            let expected = format!("at most {} bytes behind the head {}", self.chain.capacity, self.head);
            let error = Error::corrupt("the tail is impossible", self.chain.tail, expected, tail);
            return Err(self.poisoned(error));
        }
        Ok(())
    }

    /// Asks for the lines that a record of `bytes` some way behind the one at `start` will be written to,
    /// its control word's too, unless they may not be released yet. Should another producer write there, a
    /// line has made its way for nothing.
    #[inline(always)]
    pub(super) fn expect(&self, start: u64, bytes: u64) {
        if let Some([first, last]) = ends_ahead(start, bytes, self.head, self.chain.capacity) {
            self.memory.expect_write(self.chain.word(first));
            self.memory.expect_write(self.chain.offset(first));
            self.memory.expect_write(self.chain.offset(last));
        }
    }
}
