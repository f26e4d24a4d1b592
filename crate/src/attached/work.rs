//! What one owner has done since it attached, and what it holds open.

use std::sync::atomic::Ordering;

use crate::ages;
use crate::layout::{Kind, Layout, control, slot};
use crate::ledger;
use crate::memory::Memory;
use crate::owners::{Owner, Role};
use crate::ring::mpsc;

/// Hints for people: read without a lock from words that their owner may be changing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Records committed (a producer) or released (a consumer) by this owner.
    pub written: u64,
    pub claim: Option<OpenClaim>,
}

/// A claim that its owner has neither committed nor aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenClaim {
    /// In bytes since the ring was made.
    pub position: u64,
    pub byte_length: u64,
    pub age_ms: u64,
}

impl Work {
    pub(super) fn read<M: Memory>(memory: &M, layout: &Layout, owner: &Owner) -> Work {
        let at = layout.slot(owner.slot);
        let published = match owner.role {
            Role::Producer => control::TAIL,
            Role::Consumer => control::HEAD,
        };
        let written = match (layout.kind, owner.role) {
            (Kind::Mpsc, Role::Producer) => mpsc::written(memory, layout, owner.slot),
            // ORDERING: Acquire; the entry of a position is written before it. Partners: the publications
            // of both.
            _ => {
                let position = memory.load64(layout.control + published, Ordering::Acquire);
                let entry = ledger::read(memory, at + slot::LEDGER, position);
                entry.unwrap_or_else(|| ledger::latest(memory, at + slot::LEDGER)).records
            }
        };
        let written = written.saturating_sub(owner.base_count);
        // ORDERING: Relaxed; hints for people.
        let word = |offset| memory.load64(at + offset, Ordering::Relaxed);
        let bytes = word(slot::CLAIM_BYTES);
        let claim = (bytes > 0 && owner.role == Role::Producer).then(|| OpenClaim {
            position: word(slot::CLAIM_POSITION),
            byte_length: bytes - 1,
            age_ms: ages::of_claim(memory, at, owner.state),
        });
        // The words of a dead owner stay; what he had reserved may have been abandoned since.
        let claim = claim.filter(|claim| {
            layout.kind == Kind::Spsc || mpsc::is_reserved(memory, layout, claim.position, owner.slot)
        });
        Work { written, claim }
    }
}
