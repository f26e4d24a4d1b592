//! How long ago an owner took its slot, and made the claim that it holds open.
//!
//! Layout version 1 says when that was by the time of day, which may be set meanwhile. Beside it this
//! package says it by the time since boot, in bytes that were reserved. An owner that does not know of them
//! leaves what stands there, so they count for the attachment alone whose state word is with them;
//! for any other the time of day is what there is.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock;
use crate::layout::slot;
use crate::memory::Memory;

/// Writes when the slot at offset `at` was taken, now, by the attachment of this state word.
pub(crate) fn stamp<M: Memory>(memory: &M, at: usize, state: u64) {
    // ORDERING: relaxed, all of them: the store of the state in owners::Slot::take_settling publishes them.
    memory.store64(at + slot::SINCE, clock::wall(), Relaxed);
    memory.store64(at + slot::BOOT, clock::boot(), Relaxed);
    memory.store64(at + slot::BOOT_CLOCK, clock::namespace(), Relaxed);
    memory.store64(at + slot::BOOT_STATE, state, Relaxed);
}

/// Writes when the claim was made that is about to be opened in the slot at offset `at`. The time of
/// day comes with the claim's other words.
#[inline]
pub(crate) fn stamp_claim<M: Memory>(memory: &M, at: usize, boot: u64) {
    // ORDERING: Relaxed; a hint for people.
    memory.store64(at + slot::CLAIM_BOOT, boot, Relaxed);
}

/// Milliseconds since the attachment of this state word took the slot at offset `at`.
pub(crate) fn of_slot<M: Memory>(memory: &M, at: usize, state: u64) -> u64 {
    age(memory, at, state, slot::BOOT, slot::SINCE)
}

/// Milliseconds since it made the claim that it holds open.
pub(crate) fn of_claim<M: Memory>(memory: &M, at: usize, state: u64) -> u64 {
    age(memory, at, state, slot::CLAIM_BOOT, slot::CLAIM_SINCE)
}

fn age<M: Memory>(memory: &M, at: usize, state: u64, boot: usize, wall: usize) -> u64 {
    // ORDERING: relaxed; hints for people. Who needs words of one attachment alone looks at the state
    // again: owners::read.
    let word = |offset| memory.load64(at + offset, Relaxed);
    let since = word(boot);
    let counts =
        since != 0 && word(slot::BOOT_STATE) == state && word(slot::BOOT_CLOCK) == clock::namespace();
    // What lies ahead nobody wrote who is well.
    let passed = counts.then(|| clock::boot().checked_sub(since)).flatten();
    passed.unwrap_or_else(|| clock::wall().saturating_sub(word(wall)))
}
