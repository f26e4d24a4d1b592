//! What a dead owner reserved becomes abandoned, by whoever meets it and knows that he is dead.
//!
//! The order of a verdict is word, then lock, then, only if the lock is held, the floor. The writer of
//! the word held the lock before he wrote it: a lock found free after the word was read proves him
//! gone, and no later owner of the slot can have written that word. A lock that is held may be a later
//! owner's, whose floor then says that the word is not his.

use std::sync::atomic::Ordering;

use super::chain::{Chain, Link};
use super::producer::stamp;
use super::word::{State, Word};
use crate::error::Result;
use crate::layout::{GRANULE, Layout, RECORD_HEADER, slot};
use crate::ledger;
use crate::memory::Memory;
use crate::sleep::Bell;

/// What a repair has abandoned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repaired {
    pub reservations: u64,
    pub bytes: u64,
}

/// Abandons what dead owners have reserved. Safe at any time, any number at once: each step is one
/// CAS. `alive` says whether the lock of a slot is held.
pub fn repair<M: Memory>(
    memory: &M,
    layout: &Layout,
    mut alive: impl FnMut(u32) -> Result<bool>,
) -> Result<Repaired> {
    let chain = Chain::new(layout);
    // ORDERING: Acquire; the walk begins where reservations still stand. Partner:
    // consumer::Consumer::publish_head.
    let mut position = memory.load64(chain.head, Ordering::Acquire);
    if !chain.is_position(position) {
        return Err(chain.impossible("the head is impossible", chain.head, 0, position));
    }
    let mut repaired = Repaired::default();
    let end = position + chain.capacity;
    while position < end {
        // A consumer that goes on meanwhile makes room for words of a later lap: the walk is over, and
        // what it left out was settled.
        let Link::Taken(word) = chain.link(memory, position)? else { break };
        if word.state() == State::Reserved && abandon_if_dead(memory, &chain, position, word, &mut alive)? {
            repaired.reservations += 1;
            repaired.bytes += word.granules() * GRANULE as u64;
        }
        // A batch may have been committed in smaller pieces meanwhile: its first word says so.
        let Link::Taken(word) = chain.link(memory, position)? else { break };
        position += word.granules() * GRANULE as u64;
    }
    if repaired.reservations > 0 {
        Bell::ring_anyway(memory, chain.consumer);
    }
    Ok(repaired)
}

/// Abandons the reservation `word` at `position` if its owner is dead. True: it was we who did.
pub(super) fn abandon_if_dead<M: Memory>(
    memory: &M,
    chain: &Chain,
    position: u64,
    word: Word,
    mut alive: impl FnMut(u32) -> Result<bool>,
) -> Result<bool> {
    if alive(word.owner())? && !is_below_floor(memory, chain, position, word) {
        return Ok(false);
    }
    // He may have settled it before he went. If he has not, nobody but recoverers touches it any more.
    // ORDERING: Acquire; his lock found free, or a later owner's floor, made all that he did visible.
    // Partner: producer::Producer::settle.
    if memory.load64(chain.word(position), Ordering::Acquire) != word.0 {
        return Ok(false);
    }
    void(memory, chain, position, word);
    let abandoned = word.with_state(State::Abandoned);
    // ORDERING: Release, for the store above; Relaxed on failure: it was settled meanwhile. Partner:
    // Chain::link.
    let won = memory
        .compare_exchange64(chain.word(position), word.0, abandoned.0, Ordering::Release, Ordering::Relaxed)
        .is_ok();
    Ok(won)
}

/// Marks what the ledger of a dead owner says of his reservation `word` as void: it was written before
/// a commit that never came.
fn void<M: Memory>(memory: &M, chain: &Chain, position: u64, word: Word) {
    let (at, stamp) = (chain.slot(word.owner()) + slot::VOID, stamp(position));
    // ORDERING: Relaxed; published by the CAS that abandons. Partner: counts.
    let mut found = memory.load64(at, Ordering::Relaxed);
    // Never back: a recoverer that was slow would undo the mark of a later reservation.
    while found < stamp {
        match memory.compare_exchange64(at, found, stamp, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => found = now,
        }
    }
}

/// Whether a reservation cannot be that of the slot's living owner, because it lies before all of his.
pub(super) fn is_below_floor<M: Memory>(memory: &M, chain: &Chain, position: u64, word: Word) -> bool {
    // ORDERING: Acquire; what the owners before this one did is visible. If the word is the living
    // owner's, its Acquire load made his floor visible; otherwise a floor seen too late costs a delay.
    // Partner: producer::Producer::attach.
    position < memory.load64(chain.slot(word.owner()) + slot::FLOOR, Ordering::Acquire)
}

/// Whether an owner of slot `index` has reserved `position`, and nobody has settled that since.
pub fn is_reserved<M: Memory>(memory: &M, layout: &Layout, position: u64, index: u32) -> bool {
    match Chain::new(layout).link(memory, position) {
        Ok(Link::Taken(word)) => word.state() == State::Reserved && word.owner() == index,
        _ => false,
    }
}

/// Records committed by the owners of slot `index` since the ring was made.
pub fn written<M: Memory>(memory: &M, layout: &Layout, index: u32) -> u64 {
    let (chain, slot) = (Chain::new(layout), layout.slot(index));
    ledger::current(memory, slot + slot::LEDGER, |stamp| counts(memory, &chain, slot, stamp)).records
}

/// Whether the ledger's entry of `stamp` in the slot at offset `slot` counts: it is written just before
/// the commit, and the commit may never have come.
pub(super) fn counts<M: Memory>(memory: &M, chain: &Chain, slot: usize, stamp: u64) -> bool {
    let Some(position) = stamp.checked_sub(RECORD_HEADER as u64) else { return true };
    if !chain.is_position(position) {
        return false;
    }
    let settled = match chain.link(memory, position) {
        Ok(Link::Taken(word)) => word.state() == State::Committed,
        // Released long ago, as a record or as something void.
        _ => true,
    };
    // ORDERING: Relaxed; seen with the abandoned word or what came after it. Partner: abandon_if_dead.
    settled && memory.load64(slot + slot::VOID, Ordering::Relaxed) != stamp
}
