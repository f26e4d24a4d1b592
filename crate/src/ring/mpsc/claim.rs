//! Claims: records whose payload is written in place, between `try_claim` and `commit` or `abort`.
//! An open one holds up everybody's records behind it.

use super::word::{State, Word};
use super::{Producer, room};
use crate::error::Result;
use crate::layout::RECORD_HEADER;
use crate::memory::Memory;
use crate::ring::claims;

/// An open claim: a reservation whose payload somebody is writing in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) start: u64,
    word: Word,
    length: usize,
}

impl<M: Memory> Producer<M> {
    /// Opens a claim of `length` bytes: returns the offset of its payload in the data area, or
    /// `None` when there is no room now.
    pub fn try_claim(&mut self, length: usize, now: u64) -> Result<Option<usize>> {
        self.begin_write()?;
        let Some((start, word)) = self.reserve(length, room(length))? else { return Ok(None) };
        self.claim = Some(Claim { start, word, length });
        self.notes.claim(&self.memory, start, length, now);
        // A consumer that sleeps goes to wait for this very claim, and hears early of its owner's death.
        self.tell(|awaited| awaited == 0);
        Ok(Some(self.chain.offset(start) - self.chain.data + RECORD_HEADER))
    }

    /// Commits the open claim with its first `length` bytes. The space it takes stays the same.
    pub fn commit(&mut self, length: Option<usize>) -> Result<()> {
        self.poison.check()?;
        let claim = self.claim.ok_or_else(claims::none_open)?;
        let length = claims::committed(length, claim.length)?;
        self.claim = None;
        self.put_header(claim.start, length);
        self.commit_at(claim.start, claim.word, claim.word.with_state(State::Committed), 1)?;
        self.notes.no_claim(&self.memory);
        self.end_write();
        Ok(())
    }

    /// Gives the open claim back: its space is passed over.
    pub fn abort(&mut self) -> Result<()> {
        self.poison.check()?;
        let claim = self.claim.take().ok_or_else(claims::none_open)?;
        self.settle(claim.start, claim.word, claim.word.with_state(State::Pad))?;
        self.notes.abort(&self.memory);
        self.notes.no_claim(&self.memory);
        self.end_write();
        Ok(())
    }

    /// Leaves the open claim, if there is one, as a killed process leaves it once it is recovered: for
    /// an owner that ends without a word, while it still holds its lock.
    pub fn abandon(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        // A failure says that somebody did it already.
        let _ = self.settle(claim.start, claim.word, claim.word.with_state(State::Abandoned));
        self.notes.no_claim(&self.memory);
        self.end_write();
    }

    pub fn has_claim(&self) -> bool {
        self.claim.is_some()
    }
}
