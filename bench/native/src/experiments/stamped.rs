//! No tail: a record's own header publishes it, and the consumer looks at the next record's place.

use std::io::Result;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::CAPACITY;
use super::area::{Area, rest};
use super::sides;
use crate::ring::{HEADER, footprint, linger};

const HEAD: usize = 0;

/// How a place says that no record is there yet.
pub const BY_POSITION: u8 = 0;
pub const BY_ZERO: u8 = 1;

/// `BY_POSITION`: a header carries its position, as in `many.rs`; whatever else lies there is none. A
/// payload could spell one out. `BY_ZERO`: the producer zeroes the header behind a record before it
/// publishes that record, which excludes this.
#[derive(Clone, Copy)]
pub struct Stamped<const EMPTY: u8>(Area);

impl<const EMPTY: u8> sides::Ring for Stamped<EMPTY> {
    type Producer = Producer<EMPTY>;
    type Consumer = Consumer<EMPTY>;

    fn new() -> Result<Self> {
        Area::new(0).map(Stamped)
    }

    fn producer(self, _: usize) -> Producer<EMPTY> {
        Producer { area: self.0, tail: 0, head: 0 }
    }

    fn consumer(self) -> Consumer<EMPTY> {
        Consumer { area: self.0, head: 0 }
    }
}

const LENGTH_BITS: u32 = 24;
const PADDING: usize = (1 << LENGTH_BITS) - 1;

/// Never zero.
const fn header(position: usize, length: usize) -> u64 {
    (position as u64 / 8 + 1) << LENGTH_BITS | length as u64
}

pub struct Producer<const EMPTY: u8> {
    area: Area,
    tail: usize,
    head: usize,
}

impl<const EMPTY: u8> Producer<EMPTY> {
    #[inline]
    fn publish(&self, position: usize, length: usize, end: usize) {
        if EMPTY == BY_ZERO {
            // ORDERING: relaxed: published by the store below, as the payload is.
            self.area.header(end).store(0, Ordering::Relaxed);
        }
        // ORDERING: release: the payload before it; partner: `Consumer::drain`'s load.
        self.area.header(position).store(header(position, length), Ordering::Release);
    }
}

impl<const EMPTY: u8> sides::Producer for Producer<EMPTY> {
    #[inline]
    fn try_write(&mut self, record: &[u8]) -> bool {
        let need = footprint(record.len());
        let rest = rest(self.tail);
        let padding = if need > rest { rest } else { 0 };
        let start = self.tail + padding;
        let end = start + need;
        // With room for the header behind, which is zeroed too.
        if end + HEADER - self.head > CAPACITY {
            // ORDERING: acquire: the consumer has done with the bytes before it; partner:
            // `Consumer::drain`'s store.
            self.head = self.area.word(HEAD).load(Ordering::Acquire) as usize;
            if end + HEADER - self.head > CAPACITY {
                return false;
            }
        }
        if padding > 0 {
            self.publish(self.tail, PADDING, start);
        }
        // SAFETY: `[start, end)` is free by the check above and contiguous.
        unsafe {
            let at = self.area.data(start).add(HEADER);
            at.copy_from_nonoverlapping(record.as_ptr(), record.len());
        }
        self.publish(start, record.len(), end);
        self.tail = end;
        true
    }
}

pub struct Consumer<const EMPTY: u8> {
    area: Area,
    head: usize,
}

impl<const EMPTY: u8> sides::Consumer for Consumer<EMPTY> {
    #[inline]
    fn drain(&mut self, mut handler: impl FnMut(*const u8, usize)) -> usize {
        let (mut position, mut count) = (self.head, 0);
        let limit = position + CAPACITY / 8;
        while position < limit {
            // ORDERING: acquire: the payload behind it; partner: `Producer::publish`.
            let found = self.area.header(position).load(Ordering::Acquire);
            let length = found as usize & PADDING;
            let there = if EMPTY == BY_ZERO { found != 0 } else { found == header(position, length) };
            if !there {
                break;
            }
            if length == PADDING {
                position += rest(position);
                continue;
            }
            // SAFETY: the payload follows its header, inside the buffer.
            handler(unsafe { self.area.data(position).add(HEADER) }, length);
            position += footprint(length);
            count += 1;
        }
        if position != self.head {
            self.head = position;
            // ORDERING: release: our reads of these bytes; partner: `Producer::try_write`.
            self.area.word(HEAD).store(position as u64, Ordering::Release);
        }
        count
    }

    /// Without a tail it cannot see how much waits.
    fn linger(&mut self, lag: Duration) {
        linger(lag, || false);
    }
}
