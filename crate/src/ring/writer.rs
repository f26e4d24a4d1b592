//! A producer of either kind: what those who use a ring need not know the kind for.

use super::{Payload, mpsc, spsc};
use crate::error::Result;
use crate::layout::{Kind, Layout};
use crate::memory::Memory;
use crate::sleep::{Announced, Sleeper};

/// The writing side of a ring.
#[derive(Debug)]
pub enum Writer<M> {
    Spsc(spsc::Producer<M>),
    Mpsc(mpsc::Producer<M>),
}

/// The same call of whichever it is.
macro_rules! either {
    ($writer:expr, $producer:ident => $call:expr) => {
        match $writer {
            Writer::Spsc($producer) => $call,
            Writer::Mpsc($producer) => $call,
        }
    };
}

impl<M: Memory> Writer<M> {
    /// Attaches as the owner of slot `index`, whose lock the caller holds.
    pub fn attach(memory: M, layout: &Layout, index: u32) -> Result<Self> {
        Ok(match layout.kind {
            Kind::Spsc => Writer::Spsc(spsc::Producer::attach(memory, layout)?),
            Kind::Mpsc => Writer::Mpsc(mpsc::Producer::attach(memory, layout, index)?),
        })
    }

    /// What only the one producer of an `spsc` ring can do.
    #[inline]
    pub fn spsc(&mut self) -> Option<&mut spsc::Producer<M>> {
        match self {
            Writer::Spsc(producer) => Some(producer),
            Writer::Mpsc(_) => None,
        }
    }

    /// Copies one record in. False when there is no room for it now.
    ///
    /// # Safety
    /// `payload` is readable for its length.
    #[inline(always)]
    pub unsafe fn try_write(&mut self, payload: Payload) -> Result<bool> {
        // SAFETY: the caller's contract.
        either!(self, producer => unsafe { producer.try_write(payload) })
    }

    /// Copies records in; returns how many.
    ///
    /// # Safety
    /// Every payload is readable for its length.
    pub unsafe fn try_write_batch(&mut self, payloads: &[Payload]) -> Result<usize> {
        // SAFETY: the caller's contract.
        either!(self, producer => unsafe { producer.try_write_batch(payloads) })
    }

    /// Opens a claim: the offset of its payload in the data area, or `None` when there is no room.
    #[inline]
    pub fn try_claim(&mut self, length: usize, now: u64) -> Result<Option<usize>> {
        either!(self, producer => producer.try_claim(length, now))
    }

    #[inline]
    pub fn commit(&mut self, length: Option<usize>) -> Result<()> {
        either!(self, producer => producer.commit(length))
    }

    pub fn abort(&mut self) -> Result<()> {
        either!(self, producer => producer.abort())
    }

    pub fn has_claim(&self) -> bool {
        either!(self, producer => producer.has_claim())
    }

    /// Bytes of the largest record.
    pub fn max_record(&self) -> usize {
        either!(self, producer => producer.max_record())
    }

    /// What the slot's ledger counts by now.
    pub fn written(&self) -> u64 {
        either!(self, producer => producer.written())
    }

    /// Where the last record of this producer ends; 0 when it has written none.
    pub fn end(&self) -> u64 {
        either!(self, producer => producer.end())
    }

    /// Whether what was found in the ring makes it unusable for this producer.
    pub fn is_poisoned(&self) -> bool {
        either!(self, producer => producer.is_poisoned())
    }

    pub fn is_sealed(&self) -> bool {
        either!(self, producer => producer.is_sealed())
    }

    pub fn has_room(&mut self, length: usize) -> Result<bool> {
        either!(self, producer => producer.has_room(length))
    }

    /// Whether the consumer has released everything up to `position`.
    pub fn is_released(&mut self, position: u64) -> Result<bool> {
        either!(self, producer => producer.is_released(position))
    }

    /// Puts right what others have written in this producer's name and what holds up the consumer.
    pub fn mend(&mut self) {
        either!(self, producer => producer.mend())
    }

    /// Announces a sleep until there is room for a record of `length` bytes.
    pub fn announce_sleep(&mut self, length: usize) -> Announced {
        either!(self, producer => producer.announce_sleep(length))
    }

    pub fn end_sleep(&mut self, announced: Announced) {
        match self {
            Writer::Spsc(producer) => {
                let (sleeper, memory) = producer.sleeper();
                sleeper.leave(memory, announced);
            }
            Writer::Mpsc(producer) => producer.end_sleep(announced),
        }
    }

    pub fn sleeper(&mut self) -> (&mut Sleeper, &M) {
        either!(self, producer => producer.sleeper())
    }

    /// Passes over what a dead owner has left at the head, where it holds up everybody: true when
    /// there was such a thing. `alive` says whether the lock of a slot is held.
    pub fn unblock(&mut self, alive: impl FnMut(u32) -> Result<bool>) -> Result<bool> {
        match self {
            Writer::Spsc(_) => Ok(false),
            Writer::Mpsc(producer) => producer.unblock(alive),
        }
    }

    /// Leaves an open claim as a killed process leaves it, while its owner still holds its lock.
    pub fn abandon(&mut self) {
        match self {
            // Nothing of it was ever visible.
            Writer::Spsc(_) => {}
            Writer::Mpsc(producer) => producer.abandon(),
        }
    }
}
