//! A consumer attached to a ring: the reading side, its slot, its mapping, its waits and its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::crowd::Crowd;
use super::end::{End, EndWhen, Stream};
use super::fenced::Fenced;
use super::hole::{Hole, Obstacle};
use super::ring::read_only;
use super::spin::spin;
use super::take::take_slot;
use crate::error::Result;
use crate::layout::CONSUMER_SLOT;
use crate::mapped::MappedMemory;
use crate::mapping::Mapping;
use crate::owners::{self, Slot};
use crate::ring::mpsc::Blocked;
use crate::ring::{Peeked, Reader};
use crate::segment::{Access, Segment};
use crate::sleep::{Bell, SLICE};

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
    /// Where it ends when no producer lives.
    stream: Option<Stream>,
    /// Records handed out since the last call of `wait_and_peek`.
    burst: usize,
    hole: Hole,
    crowd: Crowd,
    fenced: Fenced,
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
        let (slot, ring) = take_slot(segment, &memory, CONSUMER_SLOT..CONSUMER_SLOT + 1, label, |_| {
            memory.require_fences_if_unregistered();
            let ring = Reader::attach(memory, layout)?;
            let read = ring.read();
            Ok((ring, read))
        })?;
        let mut fenced = Fenced::default();
        fenced.look(&memory);
        let (slot, segment) = (Some(slot), segment.clone());
        let mut consumer = Consumer {
            ring,
            slot,
            memory,
            mapping,
            segment,
            stream: None,
            burst: 0,
            hole: Hole::default(),
            crowd: Crowd::default(),
            fenced,
        };
        if end_when == EndWhen::NoProducers {
            let segment = consumer.segment.clone();
            // What is wrong with the records, the first look at them says.
            let is_waiting = || consumer.has_more().unwrap_or(false);
            consumer.stream = Some(Stream::new(&segment, &memory, is_waiting)?);
        }
        Ok(consumer)
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
        if peeked.count == 0 && self.pass_holes(Hole::is_to_be_asked)? {
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
        let crowded = || self.crowd.look(&self.memory, self.segment.layout());
        let look = || ring.has_record().map(|found| found.then_some(()));
        if spin(busy.min(limit).min(SLICE), crowded, look)?.is_some() {
            return Ok(true);
        }
        if self.pass_holes(|_, _| true)? && self.ring.has_record()? {
            return Ok(true);
        }
        let blocked = self.ring.blocked()?;
        if limit.is_zero() {
            return Ok(false);
        }
        let slice = self.hole.slice(blocked);
        let announced = self.ring.announce_sleep(blocked);
        // Whoever changes what is looked at here rings afterwards, so the epoch has changed by then.
        let news = self.news(blocked);
        let (sleeper, memory) = self.ring.sleeper();
        if matches!(news, Ok(false)) {
            sleeper.sleep(memory, &announced, limit.min(slice));
        }
        sleeper.leave(memory, announced);
        news?;
        self.pass_holes(|_, _| true)?;
        self.ring.has_record()
    }

    /// Whether there is any reason not to sleep over what was announced.
    fn news(&mut self, blocked: Option<Blocked>) -> Result<bool> {
        Ok(self.ring.has_record()? || self.ring.blocked()? != blocked || self.end()?.is_some())
    }

    /// Passes over `blocked` if a dead owner has left it in the way. True: it was.
    fn unblock(&mut self, blocked: Blocked) -> Result<bool> {
        let (segment, memory) = (&self.segment, &self.memory);
        self.ring.unblock(blocked, |slot| owners::is_alive(segment, memory, slot))
    }

    /// Passes over whatever dead owners have left in the way, one behind the other, up to a record, to
    /// the end, or to one who lives or who is not `to_be_asked` for now. True: something was in the way.
    fn pass_holes(&mut self, to_be_asked: fn(&mut Hole, Blocked) -> bool) -> Result<bool> {
        let mut passed = false;
        while let Some(blocked) = self.ring.blocked()? {
            let asked = to_be_asked(&mut self.hole, blocked);
            if !asked || !self.unblock(blocked)? && self.ring.blocked()? == Some(blocked) {
                break;
            }
            passed = true;
        }
        Ok(passed)
    }

    /// Whether a record is there or to come, from somebody who lives and is in the way.
    fn has_more(&mut self) -> Result<bool> {
        self.pass_holes(|_, _| true)?;
        Ok(self.ring.blocked()?.is_some() || self.ring.has_record()?)
    }

    /// Who holds up the next record, if somebody does.
    pub fn blocked_by(&mut self) -> Result<Option<Obstacle>> {
        while let Some(blocked) = self.ring.blocked()?.filter(|blocked| self.ring.is_orphan(*blocked)) {
            // What is told of its slot would be about somebody else.
            self.unblock(blocked)?;
        }
        let Some(blocked) = self.ring.blocked()? else { return Ok(None) };
        let since = self.hole.meet(blocked);
        Obstacle::read(&self.segment, &self.memory, blocked, since)
    }

    /// Whether somebody is in the way who may just have died: then it is worth to look again soon.
    pub fn is_blocked_lately(&mut self) -> Result<bool> {
        let blocked = self.ring.blocked()?;
        Ok(self.hole.slice(blocked) < SLICE)
    }

    /// Whether the stream is over, and why. Everything committed has been read then.
    pub fn end(&mut self) -> Result<Option<End>> {
        let Some(end) = self.reason_to_end()? else { return Ok(None) };
        // What gave the reason happened after the last publication: one more look is the last.
        Ok(if self.has_more()? { None } else { Some(end) })
    }

    fn reason_to_end(&mut self) -> Result<Option<End>> {
        let sealed = self.ring.is_sealed();
        if (!sealed && self.stream.is_none()) || self.has_more()? {
            return Ok(None);
        }
        if let Some(stream) = self.stream.as_mut().filter(|_| !sealed) {
            return stream.end(&self.segment, &self.memory);
        }
        let writing = self.ring.writing(self.fenced.is_certain());
        // Where the barrier failed just now, it has asked for full fences.
        self.fenced.look(&self.memory);
        for index in writing {
            if owners::is_alive(&self.segment, &self.memory, index)? {
                return Ok(None);
            }
        }
        Ok(Some(End::Sealed))
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
