//! A consumer attached to a ring: the reading side, its slot, its mapping, its waits and its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::crowd::Crowd;
use super::ring::{busy, read_only};
use super::spin::spin;
use super::work::Work;
use crate::error::Result;
use crate::layout::{CONSUMER_SLOT, control, slot};
use crate::mapped::MappedMemory;
use crate::mapping::Mapping;
use crate::memory::Memory;
use crate::owners::{self, Owner, Role, Slot, SlotState};
use crate::ring::mpsc::Blocked;
use crate::ring::{Peeked, Reader};
use crate::segment::{Access, Segment};
use crate::sleep::{Bell, SLICE};

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
}

/// How a blocking drain waits.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The longest that it may block.
    pub limit: Duration,
    /// How much of it without sleeping.
    pub busy: Duration,
    /// How long it leaves the producer alone under load; see [`Consumer::wait_and_peek`].
    pub lag: Duration,
}

/// A consumer. Dropping it without [`Consumer::close`] is a close too.
pub struct Consumer {
    ring: Reader<MappedMemory>,
    slot: Option<Slot>,
    memory: MappedMemory,
    // Last, since everything above points into it.
    mapping: Arc<Mapping>,
    segment: Arc<Segment>,
    end_when: EndWhen,
    /// Records handed out since the last call of `wait_and_peek`.
    burst: usize,
    /// What stood in the way when it was last looked at, and since when.
    hole: Option<(Blocked, Instant)>,
    crowd: Crowd,
}

/// Who holds up the next record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub slot: u32,
    pub pid: u32,
    pub label: String,
    pub alive: bool,
    /// Since this consumer first saw it, or since the claim was made.
    pub age: Duration,
}

/// The longest sleep at a reservation that is not committed, between two looks whether its owner still
/// lives: nobody wakes a consumer for a death.
const HOLE_SLICE: Duration = Duration::from_millis(2);
/// How long somebody may be in the way before a consumer that does not wait asks whether he lives.
const HOLE_GRACE: Duration = Duration::from_millis(1);
/// After so long it is a stopped process rather than a dead one, and looked at once a slice.
const HOLE_PATIENCE: Duration = Duration::from_secs(10);

impl Consumer {
    /// Takes the consumer's slot and attaches where the released records end.
    pub fn attach(segment: &Arc<Segment>, label: &str, end_when: EndWhen) -> Result<Consumer> {
        if segment.access() == Access::Inspect {
            return Err(read_only("consumer"));
        }
        let layout = segment.layout();
        let mapping = Arc::new(segment.map()?);
        // SAFETY: the view lives in the struct that owns the mapping and is dropped before it.
        let memory = unsafe { MappedMemory::new(&mapping, layout) };
        let slot = Slot::take(segment, &memory, CONSUMER_SLOT, Role::Consumer, label, 0)?
            .ok_or_else(|| busy(segment, &memory, CONSUMER_SLOT))?;
        memory.require_fences_if_unregistered();
        let ring = match Reader::attach(memory, layout) {
            Ok(ring) => ring,
            Err(error) => {
                slot.release(&memory);
                return Err(error);
            }
        };
        let (slot, segment) = (Some(slot), segment.clone());
        Ok(Consumer {
            ring,
            slot,
            memory,
            mapping,
            segment,
            end_when,
            burst: 0,
            hole: None,
            crowd: Crowd::default(),
        })
    }

    pub fn ring(&mut self) -> &mut Reader<MappedMemory> {
        &mut self.ring
    }

    pub fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// Looks at the records that come next; see [`Reader::peek`].
    #[inline]
    pub fn peek(&mut self, ranges: &mut [u32], limit: usize, fresh: bool) -> Result<Peeked> {
        let peeked = self.ring.peek(ranges, limit, fresh)?;
        if peeked.count == 0 && self.pass_old_hole()? {
            return self.ring.peek(ranges, limit, fresh);
        }
        Ok(peeked)
    }

    /// Goes on with a drain: what was known when it began.
    #[inline]
    pub fn peek_known(&mut self, ranges: &mut [u32], limit: usize) -> Result<Peeked> {
        let peeked = self.ring.peek_known(ranges, limit)?;
        self.burst += peeked.count;
        Ok(peeked)
    }

    /// Waits for records and looks at them: blocks for at most about one slice. An empty answer:
    /// there was nothing, look around and come again.
    ///
    /// Every look at a tail that is being written costs both sides the way of a cache line between
    /// two cores, so a consumer that takes each record as it comes slows the stream down. Under
    /// load (the last drain found more than one record) it therefore leaves the producer alone for
    /// `lag` when it has caught up, unless an eighth of the ring fills before. A lone record is
    /// never made to wait: in a conversation each drain finds one. NB: bench/run.mjs.
    pub fn wait_and_peek(&mut self, ranges: &mut [u32], limit: usize, pace: Pace) -> Result<Peeked> {
        if std::mem::take(&mut self.burst) > 1 && !pace.lag.is_zero() {
            self.linger(pace.lag.min(pace.limit).min(SLICE))?;
        }
        let mut peeked = self.ring.peek(ranges, limit, true)?;
        if peeked.count == 0 && self.wait(pace.limit, pace.busy)? {
            peeked = self.ring.peek(ranges, limit, false)?;
        }
        self.burst = peeked.count;
        Ok(peeked)
    }

    fn linger(&mut self, lag: Duration) -> Result<()> {
        /// Between two looks at the tail.
        const PAUSE: Duration = Duration::from_micros(2);
        let enough = self.segment.layout().capacity as u64 / 8;
        let crowded = self.crowd.look(&self.memory, self.segment.layout());
        let start = Instant::now();
        let mut look = PAUSE;
        loop {
            let passed = start.elapsed();
            if passed >= lag {
                return Ok(());
            }
            if passed >= look {
                if self.ring.available()? >= enough {
                    return Ok(());
                }
                look = passed + PAUSE;
            }
            if crowded {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }

    /// Waits until a record is there: at most `limit` and at most about one slice, the first `busy`
    /// of it without sleeping. False: there was none, look around and come again.
    pub fn wait(&mut self, limit: Duration, busy: Duration) -> Result<bool> {
        let ring = &mut self.ring;
        if ring.has_record()? {
            return Ok(true);
        }
        if ring.is_sealed() && self.end()?.is_some() {
            return Ok(false);
        }
        let ring = &mut self.ring;
        let crowded = self.crowd.look(&self.memory, self.segment.layout());
        if spin(busy.min(limit).min(SLICE), crowded, || ring.has_record().map(|found| found.then_some(())))?
            .is_some()
        {
            return Ok(true);
        }
        let blocked = self.ring.blocked()?;
        if self.unblock(blocked)? && self.ring.has_record()? {
            return Ok(true);
        }
        if limit.is_zero() {
            return Ok(false);
        }
        let announced = self.ring.announce_sleep(blocked);
        // Whoever changes what is looked at here rings afterwards, so the epoch has changed by then.
        let news = self.news(blocked);
        let slice = self.slice();
        let (sleeper, memory) = self.ring.sleeper();
        if matches!(news, Ok(false)) {
            sleeper.sleep(memory, &announced, limit.min(slice));
        }
        sleeper.leave(memory, announced);
        news?;
        if let Some(blocked) = blocked {
            self.unblock(Some(blocked))?;
        }
        self.ring.has_record()
    }

    /// Whether there is any reason not to sleep over what was announced.
    fn news(&mut self, blocked: Option<Blocked>) -> Result<bool> {
        Ok(self.ring.has_record()? || self.ring.blocked()? != blocked || self.end()?.is_some())
    }

    /// Passes over what a dead owner has left in the way. True: something was.
    fn unblock(&mut self, blocked: Option<Blocked>) -> Result<bool> {
        let Some(blocked) = blocked else {
            self.hole = None;
            return Ok(false);
        };
        if self.hole.is_none_or(|(hole, _)| hole != blocked) {
            self.hole = Some((blocked, Instant::now()));
        }
        let (segment, memory) = (&self.segment, &self.memory);
        let alive = |slot| Ok(owners::liveness(segment, memory, slot)? == SlotState::Alive);
        self.ring.unblock(blocked, alive)
    }

    /// For those who never wait: asks for the life of whoever is in the way once he has been there for
    /// a while, since nearly always he is just writing.
    fn pass_old_hole(&mut self) -> Result<bool> {
        let blocked = self.ring.blocked()?;
        match (blocked, self.hole) {
            (Some(blocked), Some((hole, since))) if hole == blocked => {
                Ok(since.elapsed() >= HOLE_GRACE && self.unblock(Some(blocked))?)
            }
            (Some(blocked), _) => {
                self.hole = Some((blocked, Instant::now()));
                Ok(false)
            }
            (None, _) => Ok(false),
        }
    }

    /// Whether a record is there or to come, from somebody who lives and is in the way.
    fn has_more(&mut self) -> Result<bool> {
        while let Some(blocked) = self.ring.blocked()? {
            if !self.unblock(Some(blocked))? && self.ring.blocked()? == Some(blocked) {
                return Ok(true);
            }
        }
        self.ring.has_record()
    }

    /// How long to sleep at most.
    fn slice(&self) -> Duration {
        match self.hole {
            Some((_, since)) if since.elapsed() < HOLE_PATIENCE => HOLE_SLICE,
            _ => SLICE,
        }
    }

    /// Who holds up the next record, if somebody does.
    pub fn blocked_by(&mut self) -> Result<Option<Obstacle>> {
        let Some(blocked) = self.ring.blocked()? else { return Ok(None) };
        let since = match self.hole {
            Some((hole, since)) if hole == blocked => since,
            _ => self.hole.insert((blocked, Instant::now())).1,
        };
        let Some(owner) = owners::owner(&self.segment, &self.memory, blocked.slot)? else {
            // It was closed or recovered meanwhile.
            return Ok(None);
        };
        let claim = Work::read(&self.memory, self.segment.layout(), &owner).claim;
        let claimed = claim.filter(|claim| claim.position == blocked.position);
        let age = claimed.map_or_else(|| since.elapsed(), |claim| Duration::from_millis(claim.age_ms));
        let Owner { slot, pid, label, alive, .. } = owner;
        Ok(Some(Obstacle { slot, pid, label, alive, age }))
    }

    /// Whether the stream is over, and why. Everything committed has been read then.
    pub fn end(&mut self) -> Result<Option<End>> {
        let Some(end) = self.reason_to_end()? else { return Ok(None) };
        // What gave the reason happened after the last publication: one more look is the last.
        Ok(if self.has_more()? { None } else { Some(end) })
    }

    fn reason_to_end(&mut self) -> Result<Option<End>> {
        let sealed = self.ring.is_sealed();
        if (!sealed && self.end_when == EndWhen::Sealed) || self.has_more()? {
            return Ok(None);
        }
        if !sealed {
            return self.reason_without_producers();
        }
        for index in self.ring.writing() {
            if owners::liveness(&self.segment, &self.memory, index)? == SlotState::Alive {
                return Ok(None);
            }
        }
        Ok(Some(End::Sealed))
    }

    fn reason_without_producers(&self) -> Result<Option<End>> {
        let layout = self.segment.layout();
        let (mut attached, mut died) = (false, false);
        for index in CONSUMER_SLOT + 1..layout.slot_count {
            // ORDERING: Relaxed; zero until a first producer has taken the slot, never again after.
            if self.memory.load64(layout.slot(index) + slot::STATE, Ordering::Relaxed) == 0 {
                continue;
            }
            attached = true;
            match owners::liveness(&self.segment, &self.memory, index)? {
                SlotState::Alive => return Ok(None),
                SlotState::Died => died = true,
                SlotState::Free => {}
            }
        }
        // ORDERING: Acquire; partner: the release of the slot of whoever left word.
        let closed = self.memory.load32(layout.control + control::CLOSED_LAST, Ordering::Acquire) != 0;
        Ok(attached.then_some(if died && !closed { End::ProducerDied } else { End::NoProducers }))
    }

    /// Gives the slot back. A waiting producer hears of it at once.
    pub fn close(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        slot.release(&self.memory);
        self.ring_producers();
    }

    /// Gives the slot up as a kill would: it says held, and its lock is free. A waiting producer
    /// hears of it at once.
    pub fn abandon(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        drop(slot);
        self.ring_producers();
    }

    fn ring_producers(&self) {
        let layout = self.segment.layout();
        for index in CONSUMER_SLOT + 1..layout.slot_count {
            if owners::is_taken(&self.memory, layout.slot(index)) {
                Bell::ring_anyway(&self.memory, layout.slot(index));
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.close();
    }
}
