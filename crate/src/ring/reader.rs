//! A consumer of either kind: what those who use a ring need not know the kind for.

use super::{Peeked, mpsc, spsc};
use crate::error::Result;
use crate::layout::{Kind, Layout};
use crate::memory::Memory;
use crate::sleep::{Announced, Sleeper};

/// The reading side of a ring.
#[derive(Debug)]
pub enum Reader<M> {
    Spsc(spsc::Consumer<M>),
    Mpsc(mpsc::Consumer<M>),
}

/// The same call of whichever it is.
macro_rules! either {
    ($reader:expr, $consumer:ident => $call:expr) => {
        match $reader {
            Reader::Spsc($consumer) => $call,
            Reader::Mpsc($consumer) => $call,
        }
    };
}

impl<M: Memory> Reader<M> {
    /// Attaches where the released records end. The caller holds the lock of the consumer's slot.
    pub fn attach(memory: M, layout: &Layout) -> Result<Self> {
        Ok(match layout.kind {
            Kind::Spsc => Reader::Spsc(spsc::Consumer::attach(memory, layout)?),
            Kind::Mpsc => Reader::Mpsc(mpsc::Consumer::attach(memory, layout)?),
        })
    }

    /// Looks at the records that come next; `fresh` asks the producers for news first.
    #[inline]
    pub fn peek(&mut self, ranges: &mut [u32], limit: usize, fresh: bool) -> Result<Peeked> {
        match self {
            Reader::Spsc(consumer) => consumer.peek(ranges, limit, fresh),
            // It has no tail to keep: every look but one that goes on with a drain begins one.
            Reader::Mpsc(consumer) => consumer.peek(ranges, limit, true),
        }
    }

    /// Goes on with a drain, up to where it has to end.
    #[inline]
    pub fn peek_known(&mut self, ranges: &mut [u32], limit: usize) -> Result<Peeked> {
        match self {
            Reader::Spsc(consumer) => consumer.peek_known(ranges, limit),
            Reader::Mpsc(consumer) => consumer.peek(ranges, limit, false),
        }
    }

    /// Releases the run that was found last up to its `count`th record; `ranges` is as it was left.
    #[inline]
    pub fn release(&mut self, ranges: &[u32], count: usize) -> Result<()> {
        match self {
            Reader::Spsc(consumer) => consumer.release(ranges, count),
            Reader::Mpsc(consumer) => consumer.release(count),
        }
    }

    pub fn has_record(&mut self) -> Result<bool> {
        either!(self, consumer => consumer.has_record())
    }

    /// Bytes of ring space that are taken behind what was read.
    pub fn available(&mut self) -> Result<u64> {
        either!(self, consumer => consumer.available())
    }

    /// Position of the next record.
    pub fn position(&mut self) -> Result<u64> {
        either!(self, consumer => consumer.position())
    }

    /// Records released since the ring was made, by this consumer and those before it.
    pub fn read(&self) -> u64 {
        either!(self, consumer => consumer.read())
    }

    pub fn is_sealed(&self) -> bool {
        either!(self, consumer => consumer.is_sealed())
    }

    /// The slots whose producers, if they live, may still be inside a write that began before the
    /// seal which the caller has just seen. `fenced`: all are known to use full fences.
    pub fn writing(&self, fenced: bool) -> Vec<u32> {
        match self {
            Reader::Spsc(consumer) if consumer.producer_is_writing(fenced) => vec![spsc::PRODUCER_SLOT],
            Reader::Spsc(_) => Vec::new(),
            Reader::Mpsc(consumer) => consumer.writing(fenced),
        }
    }

    /// Who stands in the way of the next record.
    pub fn blocked(&mut self) -> Result<Option<mpsc::Blocked>> {
        match self {
            Reader::Spsc(_) => Ok(None),
            Reader::Mpsc(consumer) => consumer.blocked(),
        }
    }

    /// Whether `blocked` is of a dead owner whose slot somebody else has by now.
    pub fn is_orphan(&self, blocked: mpsc::Blocked) -> bool {
        match self {
            Reader::Spsc(_) => false,
            Reader::Mpsc(consumer) => consumer.is_orphan(blocked),
        }
    }

    /// Passes `blocked` if its owner is dead. `alive` says whether the lock of a slot is held.
    pub fn unblock(
        &mut self,
        blocked: mpsc::Blocked,
        alive: impl FnMut(u32) -> Result<bool>,
    ) -> Result<bool> {
        match self {
            Reader::Spsc(_) => Ok(false),
            Reader::Mpsc(consumer) => consumer.unblock(blocked, alive),
        }
    }

    /// Announces a sleep until something is published, or what stands in the way is settled.
    pub fn announce_sleep(&mut self, blocked: Option<mpsc::Blocked>) -> Announced {
        match self {
            Reader::Spsc(consumer) => consumer.announce_sleep(),
            Reader::Mpsc(consumer) => consumer.announce_sleep(blocked),
        }
    }

    pub fn sleeper(&mut self) -> (&mut Sleeper, &M) {
        either!(self, consumer => consumer.sleeper())
    }
}
