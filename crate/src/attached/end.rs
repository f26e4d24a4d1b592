//! When a stream is over, and what the slots of its producers say about it.

use std::ops::Range;
use std::sync::atomic::Ordering;

use crate::census::states;
use crate::error::Result;
use crate::layout::{CONSUMER_SLOT, Layout, control};
use crate::memory::Memory;
use crate::owners::{self, SlotState};
use crate::segment::Segment;

/// When a stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndWhen {
    Sealed,
    /// Also when it has begun and no producer lives; see [`Stream`].
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
}

/// The stream of a consumer that ends when no producer lives. It has begun when some producer lives or
/// attaches at or after the consumer's own attachment, or when records waited for the consumer then.
/// Producers that had come and gone before, with all read that they wrote, belong to another stream: a
/// consumer that is started anew waits for the next ones.
#[derive(Debug)]
pub(super) struct Stream {
    begun: bool,
    /// Whether it began with records of producers that may be gone.
    waiting: bool,
    /// The state words of the producers' slots when the consumer had attached.
    states: Vec<u64>,
    /// The slot of a producer that lived when it was last asked: one look is enough as long as it does.
    living: Option<u32>,
}

impl Stream {
    /// To be called when the consumer has its slot. `is_waiting` says whether records wait for it.
    pub fn new<M: Memory>(
        segment: &Segment,
        memory: &M,
        is_waiting: impl FnOnce() -> bool,
    ) -> Result<Stream> {
        // First: who attaches, writes and closes before the look at the records is seen here or there.
        let states = states(memory, segment.layout(), &producers(segment.layout()));
        let waiting = is_waiting();
        let mut begun = waiting;
        for (index, state) in producers(segment.layout()).zip(&states) {
            // Who is no longer there but has closed was there a moment ago.
            begun = begun
                || owners::is_held(*state) && owners::liveness(segment, memory, index)? != SlotState::Died;
        }
        Ok(Stream { begun, waiting, states, living: None })
    }

    /// Why there will be no further record, if it has begun and no producer lives.
    pub fn end<M: Memory>(&mut self, segment: &Segment, memory: &M) -> Result<Option<End>> {
        let layout = segment.layout();
        if let Some(index) = self.living
            && owners::is_alive(segment, memory, index)?
        {
            return Ok(None);
        }
        let is_alive = |verdict| verdict == SlotState::Alive;
        let census = owners::verdicts(segment, memory, producers(layout), is_alive)?;
        let living = census.found.iter().position(|verdict| is_alive(*verdict));
        self.living = living.map(|place| producers(layout).start + place as u32);
        if living.is_some() {
            self.begun = true;
            return Ok(None);
        }
        // Somebody comes or goes all the time.
        if !census.is_of_one_moment() {
            return Ok(None);
        }
        let mut died = false;
        for ((verdict, now), then) in census.found.iter().zip(&census.states).zip(&self.states) {
            let came = owners::number(*now) != owners::number(*then);
            self.begun |= came;
            died |= *verdict == SlotState::Died && (came || self.waiting || owners::is_held(*then));
        }
        // ORDERING: Acquire; partner: the release of the slot of whoever left word.
        let closed = memory.load32(layout.control + control::CLOSED_LAST, Ordering::Acquire) != 0;
        Ok(self.begun.then_some(if died && !closed { End::ProducerDied } else { End::NoProducers }))
    }
}

fn producers(layout: &Layout) -> Range<u32> {
    CONSUMER_SLOT + 1..layout.slot_count
}

/// Leaves word, before slot `mine` is given back, that the last producer closed: for consumers that end
/// when none lives. Who closes at the same time as another may see it alive: neither leaves word
/// then, and neither died.
pub(super) fn say_whether_last<M: Memory>(segment: &Segment, memory: &M, mine: u32) {
    let at = segment.layout().control + control::CLOSED_LAST;
    // Not of one moment, and it need not be: who attaches behind this look takes the word back.
    let alone = || owners::no_producer_lives(segment, memory, mine).unwrap_or(false);
    if alone() {
        // ORDERING: SeqCst fence between the store and the second look: of one who leaves and one
        // who comes, at least one sees the other. Partner: Producer::attach, whose slot is held
        // before it stores.
        memory.store32(at, 1, Ordering::Relaxed);
        memory.fence(Ordering::SeqCst);
        if !alone() {
            memory.store32(at, 0, Ordering::Relaxed);
        }
    }
}
