//! What every variant can do, and the yardsticks among them.

use std::io::Result;
use std::time::Duration;

use super::CAPACITY;
use crate::ring::Region;
use crate::shared::region;
use crate::{many, ring};

/// A ring that has not been used yet. A copy is the same ring.
pub trait Ring: Copy + Send {
    type Producer: Producer;
    type Consumer: Consumer;

    fn new() -> Result<Self>;
    /// `number`: from 0, of at most 254.
    fn producer(self, number: usize) -> Self::Producer;
    fn consumer(self) -> Self::Consumer;
}

pub trait Producer {
    /// Copies `record` in; `false` when there is no room.
    fn try_write(&mut self, record: &[u8]) -> bool;

    /// Publishes what is not yet: nothing, but for a variant that publishes less often.
    fn flush(&mut self) {}
}

pub trait Consumer {
    /// Hands every record that waits to `handler`, at most an eighth of the capacity at once, and
    /// releases them. Returns how many there were.
    fn drain(&mut self, handler: impl FnMut(*const u8, usize)) -> usize;

    /// Lets the producers get ahead; see [`ring::linger`].
    fn linger(&mut self, lag: Duration);
}

/// `ring.rs`, unchanged.
#[derive(Clone, Copy)]
pub struct Yardstick(Region);

impl Ring for Yardstick {
    type Producer = ring::Producer;
    type Consumer = ring::Consumer;

    fn new() -> Result<Self> {
        region(CAPACITY).map(Yardstick)
    }

    fn producer(self, _: usize) -> ring::Producer {
        ring::Producer::new(self.0)
    }

    fn consumer(self) -> ring::Consumer {
        ring::Consumer::new(self.0)
    }
}

impl Producer for ring::Producer {
    #[inline]
    fn try_write(&mut self, record: &[u8]) -> bool {
        ring::Producer::try_write(self, record)
    }
}

impl Consumer for ring::Consumer {
    #[inline]
    fn drain(&mut self, handler: impl FnMut(*const u8, usize)) -> usize {
        ring::Consumer::drain(self, handler)
    }

    #[inline]
    fn linger(&mut self, lag: Duration) {
        ring::Consumer::linger(self, lag);
    }
}

/// `many.rs`, unchanged.
#[derive(Clone, Copy)]
pub struct ManyYardstick(Region);

impl Ring for ManyYardstick {
    type Producer = many::Producer;
    type Consumer = many::Consumer;

    fn new() -> Result<Self> {
        region(CAPACITY).map(ManyYardstick)
    }

    fn producer(self, _: usize) -> many::Producer {
        many::Producer::new(self.0)
    }

    fn consumer(self) -> many::Consumer {
        many::Consumer::new(self.0, false)
    }
}

impl Producer for many::Producer {
    #[inline]
    fn try_write(&mut self, record: &[u8]) -> bool {
        many::Producer::try_write(self, record)
    }
}

impl Consumer for many::Consumer {
    #[inline]
    fn drain(&mut self, handler: impl FnMut(*const u8, usize)) -> usize {
        many::Consumer::drain(self, handler)
    }

    #[inline]
    fn linger(&mut self, lag: Duration) {
        many::Consumer::linger(self, lag);
    }
}
