//! What a producer tells people of itself: how often it was refused, what it gave back, and the claim
//! that it holds open. Nothing is decided by these words.

use std::sync::atomic::Ordering;

use crate::layout::slot;
use crate::memory::Memory;

#[derive(Debug)]
pub(super) struct Notes {
    slot: usize,
    refused: u64,
    aborted: u64,
}

impl Notes {
    /// Goes on counting in the slot at offset `slot`, in which no claim is open.
    pub fn open<M: Memory>(memory: &M, slot: usize) -> Self {
        // ORDERING: Relaxed; counters of the slot's owner alone, handed on through its lock.
        let refused = memory.load64(slot + slot::FULL, Ordering::Relaxed);
        let aborted = memory.load64(slot + slot::ABORTED, Ordering::Relaxed);
        let notes = Notes { slot, refused, aborted };
        notes.no_claim(memory);
        notes
    }

    #[cold]
    pub fn refuse<M: Memory>(&mut self, memory: &M) {
        self.refused = self.refused.wrapping_add(1);
        // ORDERING: Relaxed, here and in what follows; hints for people, which publish nothing.
        memory.store64(self.slot + slot::FULL, self.refused, Ordering::Relaxed);
    }

    pub fn abort<M: Memory>(&mut self, memory: &M) {
        self.aborted = self.aborted.wrapping_add(1);
        // ORDERING: Relaxed; see Notes::refuse.
        memory.store64(self.slot + slot::ABORTED, self.aborted, Ordering::Relaxed);
    }

    /// A claim of `length` bytes at `position`, made at `now` (milliseconds since 1970).
    pub fn claim<M: Memory>(&self, memory: &M, position: u64, length: usize, now: u64) {
        // ORDERING: Relaxed; see Notes::refuse.
        memory.store64(self.slot + slot::CLAIM_POSITION, position, Ordering::Relaxed);
        memory.store64(self.slot + slot::CLAIM_SINCE, now, Ordering::Relaxed);
        memory.store64(self.slot + slot::CLAIM_BYTES, length as u64 + 1, Ordering::Relaxed);
    }

    pub fn no_claim<M: Memory>(&self, memory: &M) {
        // ORDERING: Relaxed; see Notes::refuse.
        memory.store64(self.slot + slot::CLAIM_BYTES, 0, Ordering::Relaxed);
    }
}
