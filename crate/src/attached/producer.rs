//! A producer attached to a ring: the writing side, its slot, its mapping, its waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::crowd::Crowd;
use super::end::say_whether_last;
use super::ring::read_only;
use super::spin::spin;
use super::take::take_slot;
use crate::ages;
use crate::clock::Clocks;
use crate::error::{Code, Error, Result};
use crate::layout::{CONSUMER_SLOT, control};
use crate::mapped::MappedMemory;
use crate::mapping::Mapping;
use crate::memory::Memory;
use crate::owners::{self, Slot};
use crate::ring::Writer;
use crate::segment::{Access, Segment};
use crate::sleep::{Bell, SLICE};

/// A producer. Dropping it without [`Producer::close`] is a close too.
pub struct Producer {
    ring: Writer<MappedMemory>,
    slot: Option<Slot>,
    memory: MappedMemory,
    // Last, since everything above points into it.
    mapping: Arc<Mapping>,
    segment: Arc<Segment>,
    crowd: Crowd,
    clocks: Clocks,
    /// Offset of the slot.
    at: usize,
}

impl Producer {
    /// Takes a producer's slot and attaches where the chain of records ends.
    pub fn attach(segment: &Arc<Segment>, label: &str) -> Result<Producer> {
        if segment.access() == Access::Inspect {
            return Err(read_only("producer"));
        }
        let layout = segment.layout();
        let mapping = Arc::new(segment.map()?);
        // SAFETY: the view lives in the struct that owns the mapping and is dropped before it.
        let memory = unsafe { MappedMemory::new(&mapping, layout) };
        // ORDERING: Acquire; partner: Ring::seal.
        if memory.load32(layout.control + control::SEALED, Ordering::Acquire) != 0 {
            return Err(Error::new(Code::Sealed, "the ring is sealed: it takes no more producers"));
        }
        let producers = CONSUMER_SLOT + 1..layout.slot_count;
        let (slot, ring) = take_slot(segment, &memory, producers, label, |index| {
            memory.require_fences_if_unregistered();
            let ring = Writer::attach(memory, layout, index)?;
            let written = ring.written();
            Ok((ring, written))
        })?;
        let at = layout.slot(slot.index());
        // ORDERING: SeqCst fence between the slot's state and the store of a word for those who look at
        // the end: of one who leaves and one who comes, at least one sees the other. Partner:
        // end::say_whether_last.
        memory.fence(Ordering::SeqCst);
        memory.store32(layout.control + control::CLOSED_LAST, 0, Ordering::Relaxed);
        Ok(Producer {
            ring,
            slot: Some(slot),
            memory,
            mapping,
            segment: segment.clone(),
            crowd: Crowd::default(),
            clocks: Clocks::default(),
            at,
        })
    }

    pub fn ring(&mut self) -> &mut Writer<MappedMemory> {
        &mut self.ring
    }

    pub fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// Opens a claim; see [`Writer::try_claim`].
    pub fn try_claim(&mut self, length: usize) -> Result<Option<usize>> {
        let now = self.clocks.now();
        // The claim that is open already keeps its own.
        if !self.ring.has_claim() {
            ages::stamp_claim(&self.memory, self.at, now.boot);
        }
        self.ring.try_claim(length, now.wall)
    }

    /// Whether a living consumer is attached.
    pub fn consumer_alive(&mut self) -> Result<bool> {
        self.ring.mend();
        owners::is_alive(&self.segment, &self.memory, CONSUMER_SLOT)
    }

    /// Waits for room for a record of `length` bytes: at most `limit` and at most about one slice, the
    /// first `busy` of it, in a crowd more, without sleeping. False: there was none, look around and
    /// come again.
    pub fn wait_for_room(&mut self, length: usize, limit: Duration, busy: Duration) -> Result<bool> {
        let ring = &mut self.ring;
        if ring.has_room(length)? {
            return Ok(true);
        }
        let crowded = || self.crowd.look(&self.memory, self.segment.layout());
        let mut look = || ring.has_room(length).map(|room| room.then_some(()));
        if spin(busy.min(limit).min(SLICE), crowded, &mut look)?.is_some() {
            return Ok(true);
        }
        // Where many share a core, `busy` has been the others' time: one looks as often as alone. Who sleeps is
        // woken together with all the others that do, for room that is enough for some of them.
        // NB: `producers` of bench/run.mjs.
        let others = busy.saturating_mul(self.crowd.others_on_a_core());
        if spin(others.min(limit.saturating_sub(busy)).min(SLICE), || true, look)?.is_some() {
            return Ok(true);
        }
        if limit.is_zero() {
            return Ok(false);
        }
        // Full behind what a dead owner left is not for ever.
        if self.unblock()? && self.ring.has_room(length)? {
            return Ok(true);
        }
        let ring = &mut self.ring;
        let announced = ring.announce_sleep(length);
        let room = ring.has_room(length);
        let (sleeper, memory) = ring.sleeper();
        if matches!(room, Ok(false)) {
            sleeper.sleep(memory, &announced, limit);
        }
        ring.end_sleep(announced);
        if room? { Ok(true) } else { ring.has_room(length) }
    }

    /// Passes over what a dead owner has left in everybody's way.
    fn unblock(&mut self) -> Result<bool> {
        let (segment, memory) = (&self.segment, &self.memory);
        self.ring.unblock(|slot| owners::is_alive(segment, memory, slot))
    }

    /// Gives the slot back; an open claim is aborted. The consumer hears of it at once.
    pub fn close(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        if self.ring.has_claim() {
            // It can only say that none is open.
            let _ = self.ring.abort();
        }
        say_whether_last(&self.segment, &self.memory, slot.index());
        slot.release(&self.memory);
        Bell::ring_anyway(&self.memory, self.segment.layout().slot(CONSUMER_SLOT));
    }

    /// Gives the slot up as a kill would: it says held, its lock is free, and an open claim stays
    /// invisible. The consumer hears of it at once.
    pub fn abandon(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        // While the lock still says that it is ours to settle.
        self.ring.abandon();
        drop(slot);
        Bell::ring_anyway(&self.memory, self.segment.layout().slot(CONSUMER_SLOT));
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.close();
    }
}
