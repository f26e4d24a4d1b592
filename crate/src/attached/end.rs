//! When a stream is over, and what the slots of its producers say about it.

use std::sync::atomic::Ordering;

use crate::error::Result;
use crate::layout::{CONSUMER_SLOT, control, slot};
use crate::memory::Memory;
use crate::owners::{self, SlotState};
use crate::segment::Segment;

/// When a stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndWhen {
    Sealed,
    /// Also when some producer has been attached and none lives.
    NoProducers,
}

/// Why a stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Sealed,
    NoProducers,
    /// No producer lives, and the last one did not close.
    ProducerDied,
}

impl End {
    pub const fn name(self) -> &'static str {
        match self {
            End::Sealed => "sealed",
            End::NoProducers => "no-producers",
            End::ProducerDied => "producer-died",
        }
    }

    /// Why there will be no further record, if some producer has been attached and none lives.
    pub(super) fn without_producers<M: Memory>(segment: &Segment, memory: &M) -> Result<Option<End>> {
        let layout = segment.layout();
        let (mut attached, mut died) = (false, false);
        for index in CONSUMER_SLOT + 1..layout.slot_count {
            // ORDERING: Relaxed; zero until a first producer has taken the slot, never again after.
            if memory.load64(layout.slot(index) + slot::STATE, Ordering::Relaxed) == 0 {
                continue;
            }
            attached = true;
            match owners::liveness(segment, memory, index)? {
                SlotState::Alive => return Ok(None),
                SlotState::Died => died = true,
                SlotState::Free => {}
            }
        }
        // ORDERING: Acquire; partner: the release of the slot of whoever left word.
        let closed = memory.load32(layout.control + control::CLOSED_LAST, Ordering::Acquire) != 0;
        Ok(attached.then_some(if died && !closed { End::ProducerDied } else { End::NoProducers }))
    }
}

/// Leaves word, before slot `mine` is given back, that the last producer closed: for consumers that end
/// when none lives. Who closes at the same time as another may see it alive: neither leaves word
/// then, and neither died.
pub(super) fn say_whether_last<M: Memory>(segment: &Segment, memory: &M, mine: u32) {
    let at = segment.layout().control + control::CLOSED_LAST;
    let alone = || owners::no_producer_lives(segment, memory, mine).unwrap_or(false);
    if alone() {
        // ORDERING: SeqCst fence between the store and the second look: of one who leaves and one
        // who comes, at least one sees the other. Partner: Producer::attach, which takes its lock
        // before it stores.
        memory.store32(at, 1, Ordering::Relaxed);
        memory.fence(Ordering::SeqCst);
        if !alone() {
            memory.store32(at, 0, Ordering::Relaxed);
        }
    }
}
