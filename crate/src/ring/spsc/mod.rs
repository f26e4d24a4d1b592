//! One producer, one consumer: a byte ring committed by one store.
//!
//! Positions count bytes since the ring was made; they are multiples of 8 and never masked when
//! stored. The producer owns `tail`, the consumer owns `head`; each keeps its own cursor in private
//! memory, publishes it for the other, and reads the other's only when its cached copy says that
//! there is nothing to do (the scheme of FastForward and MCRingBuffer, as in rtrb and Agrona's
//! OneToOneRingBuffer). A record never wraps: padding fills the rest of the buffer, and both become
//! visible by the same store of `tail`.

mod claim;
mod consumer;
mod lease;
mod producer;
mod room;

pub use super::{Payload, Peeked};
pub use consumer::Consumer;
pub use lease::Lease;
pub use producer::Producer;

use crate::layout::{CONSUMER_SLOT, Layout, control};

/// The slot of the one producer.
pub const PRODUCER_SLOT: u32 = 1;

/// Where the words of an `spsc` segment lie: a private copy, never read again from shared memory.
#[derive(Debug, Clone, Copy)]
struct Places {
    tail: usize,
    head: usize,
    sealed: usize,
    full_fences: usize,
    consumer: usize,
    producer: usize,
    data: usize,
    capacity: u64,
}

impl Places {
    fn new(layout: &Layout) -> Self {
        Places {
            tail: layout.control + control::TAIL,
            head: layout.control + control::HEAD,
            sealed: layout.control + control::SEALED,
            full_fences: layout.control + control::FULL_FENCES,
            consumer: layout.slot(CONSUMER_SLOT),
            producer: layout.slot(PRODUCER_SLOT),
            data: layout.data,
            capacity: layout.capacity as u64,
        }
    }

    /// Offset of `position` in the segment.
    #[inline(always)]
    fn offset(&self, position: u64) -> usize {
        self.data + (position & (self.capacity - 1)) as usize
    }

    /// Bytes from `position` to the end of the buffer.
    #[inline(always)]
    fn rest(&self, position: u64) -> u64 {
        self.capacity - (position & (self.capacity - 1))
    }
}
