//! Headers in a ring of their own, eight to a line, and payloads without one.
//!
//! ```text
//! descriptor   position / 8 + 1 of the payload, 40 bits | length, 24 bits
//! ```

use std::io::Result;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::CAPACITY;
use super::area::{Area, rest};
use super::sides;
use crate::ring::linger;

/// One for every 16 bytes of data: they are enough, as records are no shorter.
const COUNT: usize = CAPACITY / 16;

const HEAD: usize = 0;
const TAIL_AT: usize = 128;

const LENGTH_BITS: u32 = 24;
const LENGTH_MASK: u64 = (1 << LENGTH_BITS) - 1;

/// `ALIGN`: payloads start at multiples of it. `TAIL`: a tail says up to where there is data;
/// without, a descriptor publishes its record itself, and one of an earlier lap is told by its position.
#[derive(Clone, Copy)]
pub struct Descriptors<const ALIGN: usize, const TAIL: bool>(Area);

impl<const ALIGN: usize, const TAIL: bool> sides::Ring for Descriptors<ALIGN, TAIL> {
    type Producer = Producer<ALIGN, TAIL>;
    type Consumer = Consumer<ALIGN, TAIL>;

    fn new() -> Result<Self> {
        Area::new(COUNT * 8).map(Descriptors)
    }

    fn producer(self, _: usize) -> Producer<ALIGN, TAIL> {
        Producer { area: self.0, tail: 0, head: 0, count: 0 }
    }

    fn consumer(self) -> Consumer<ALIGN, TAIL> {
        Consumer { area: self.0, head: 0, count: 0, tail: 0 }
    }
}

pub struct Producer<const ALIGN: usize, const TAIL: bool> {
    area: Area,
    tail: usize,
    head: usize,
    /// Descriptors written.
    count: usize,
}

impl<const ALIGN: usize, const TAIL: bool> sides::Producer for Producer<ALIGN, TAIL> {
    #[inline]
    fn try_write(&mut self, record: &[u8]) -> bool {
        let need = record.len().next_multiple_of(ALIGN);
        let rest = rest(self.tail);
        // What is left over at the end needs no description: the next descriptor says where to go on.
        let start = if need > rest { self.tail + rest } else { self.tail };
        let end = start + need;
        if end - self.head > CAPACITY {
            // ORDERING: acquire: the consumer has done with that data and its descriptors; partner:
            // `Consumer::drain`'s store.
            self.head = self.area.word(HEAD).load(Ordering::Acquire) as usize;
            if end - self.head > CAPACITY {
                return false;
            }
        }
        // SAFETY: `[start, end)` is free by the check above and contiguous.
        unsafe { self.area.data(start).copy_from_nonoverlapping(record.as_ptr(), record.len()) };
        let descriptor = (start as u64 / 8 + 1) << LENGTH_BITS | record.len() as u64;
        // ORDERING: release: the payload before it; partner: `Consumer::drain`. Where there is a tail,
        // that publishes both.
        self.area.beside(self.count % COUNT * 8).store(descriptor, Ordering::Release);
        self.count += 1;
        self.tail = end;
        if TAIL {
            self.area.word(TAIL_AT).store(end as u64, Ordering::Release);
        }
        true
    }
}

pub struct Consumer<const ALIGN: usize, const TAIL: bool> {
    area: Area,
    head: usize,
    count: usize,
    tail: usize,
}

impl<const ALIGN: usize, const TAIL: bool> Consumer<ALIGN, TAIL> {
    fn look(&mut self) -> usize {
        // ORDERING: acquire: descriptors and payloads; partner: `Producer::try_write`.
        self.tail = self.area.word(TAIL_AT).load(Ordering::Acquire) as usize;
        self.tail - self.head
    }
}

impl<const ALIGN: usize, const TAIL: bool> sides::Consumer for Consumer<ALIGN, TAIL> {
    #[inline]
    fn drain(&mut self, mut handler: impl FnMut(*const u8, usize)) -> usize {
        if TAIL && self.tail == self.head && self.look() == 0 {
            return 0;
        }
        let (mut position, mut count) = (self.head, self.count);
        let limit = position + CAPACITY / 8;
        while position < limit && (!TAIL || position < self.tail) {
            // ORDERING: acquire: the payload; partner: `Producer::try_write`.
            let found = self.area.beside(count % COUNT * 8).load(Ordering::Acquire);
            // The positions of an earlier lap, and of none, are before ours.
            let Some(start) = ((found >> LENGTH_BITS) as usize).checked_sub(1).map(|units| units * 8) else {
                break;
            };
            if start < position {
                break;
            }
            let length = (found & LENGTH_MASK) as usize;
            handler(self.area.data(start), length);
            position = start + length.next_multiple_of(ALIGN);
            count += 1;
        }
        let drained = count - self.count;
        if drained > 0 {
            (self.head, self.count) = (position, count);
            // ORDERING: release: our reads of both; partner: `Producer::try_write`'s loads.
            self.area.word(HEAD).store(position as u64, Ordering::Release);
        }
        drained
    }

    fn linger(&mut self, lag: Duration) {
        if TAIL {
            linger(lag, || self.look() >= CAPACITY / 8);
        } else {
            linger(lag, || false);
        }
    }
}
