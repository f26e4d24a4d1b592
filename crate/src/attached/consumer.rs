//! A consumer attached to a ring: the reading side, its slot, its mapping, its waits and its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::ring::{busy, read_only};
use super::spin::spin;
use crate::error::Result;
use crate::layout::{CONSUMER_SLOT, slot};
use crate::mapped::MappedMemory;
use crate::mapping::Mapping;
use crate::memory::Memory;
use crate::owners::{self, Role, Slot, SlotState};
use crate::ring::spsc::{self, PRODUCER_SLOT, Peeked};
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
    ring: spsc::Consumer<MappedMemory>,
    slot: Option<Slot>,
    memory: MappedMemory,
    // Last, since everything above points into it.
    mapping: Arc<Mapping>,
    segment: Arc<Segment>,
    end_when: EndWhen,
    /// Records handed out since the last call of `wait_and_peek`.
    burst: usize,
}

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
        let ring = match spsc::Consumer::attach(memory, layout) {
            Ok(ring) => ring,
            Err(error) => {
                slot.release(&memory);
                return Err(error);
            }
        };
        let (slot, segment) = (Some(slot), segment.clone());
        Ok(Consumer { ring, slot, memory, mapping, segment, end_when, burst: 0 })
    }

    pub fn ring(&mut self) -> &mut spsc::Consumer<MappedMemory> {
        &mut self.ring
    }

    pub fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
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
            std::hint::spin_loop();
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
        if spin(busy.min(limit).min(SLICE), || ring.has_record().map(|found| found.then_some(())))?.is_some()
        {
            return Ok(true);
        }
        if limit.is_zero() {
            return Ok(false);
        }
        let announced = self.ring.announce_sleep();
        // Whoever changes what these two look at rings afterwards, so the epoch has changed by then.
        let news = match self.ring.has_record() {
            Ok(false) => self.end().map(|end| end.is_some()),
            answer => answer,
        };
        let (sleeper, memory) = self.ring.sleeper();
        if matches!(news, Ok(false)) {
            sleeper.sleep(memory, &announced, limit);
        }
        sleeper.leave(memory, announced);
        news?;
        self.ring.has_record()
    }

    /// Whether the stream is over, and why. Everything committed has been read then.
    pub fn end(&mut self) -> Result<Option<End>> {
        let Some(end) = self.reason_to_end()? else { return Ok(None) };
        // What gave the reason happened after the last publication: one more look is the last.
        Ok(if self.ring.has_record()? { None } else { Some(end) })
    }

    fn reason_to_end(&mut self) -> Result<Option<End>> {
        if self.ring.has_record()? {
            return Ok(None);
        }
        let producer = |consumer: &Self| owners::liveness(&consumer.segment, &consumer.memory, PRODUCER_SLOT);
        if self.ring.is_sealed() {
            let done = !self.ring.producer_is_writing() || producer(self)? != SlotState::Alive;
            return Ok(done.then_some(End::Sealed));
        }
        if self.end_when == EndWhen::Sealed {
            return Ok(None);
        }
        // ORDERING: Relaxed; zero until the first producer has taken the slot, never again after.
        let state = self.segment.layout().slot(PRODUCER_SLOT) + slot::STATE;
        if self.memory.load64(state, Ordering::Relaxed) == 0 {
            return Ok(None);
        }
        Ok(match producer(self)? {
            SlotState::Alive => None,
            SlotState::Died => Some(End::ProducerDied),
            SlotState::Free => Some(End::NoProducers),
        })
    }

    /// Gives the slot back. A waiting producer hears of it at once.
    pub fn close(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        slot.release(&self.memory);
        Bell::ring_anyway(&self.memory, self.segment.layout().slot(PRODUCER_SLOT));
    }

    /// Gives the slot up as a kill would: it says held, and its lock is free. A waiting producer
    /// hears of it at once.
    pub fn abandon(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        drop(slot);
        Bell::ring_anyway(&self.memory, self.segment.layout().slot(PRODUCER_SLOT));
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.close();
    }
}
