//! The yardstick once more, with its words and records where a [`Shape`] puts them.

use std::io::Result;
use std::marker::PhantomData;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use super::CAPACITY;
use super::area::{Area, rest};
use super::shapes::{Counters, Shape};
use super::sides;
use crate::ring::{HEADER, linger};

const PADDING: u64 = u64::MAX;
const OPEN: u64 = 1;
const ENTRY: usize = 24;

#[derive(Clone, Copy)]
pub struct Bytes<S>(Area, PhantomData<S>);

impl<S: Shape> sides::Ring for Bytes<S> {
    type Producer = Producer<S>;
    type Consumer = Consumer<S>;

    fn new() -> Result<Self> {
        Ok(Bytes(Area::new(0)?, PhantomData))
    }

    fn producer(self, _: usize) -> Producer<S> {
        Producer { area: self.0, tail: 0, head: 0, waiting: 0, written: 0, shape: PhantomData }
    }

    fn consumer(self) -> Consumer<S> {
        Consumer { area: self.0, head: 0, tail: 0, read: 0, shape: PhantomData }
    }
}

const fn footprint<S: Shape>(length: usize) -> usize {
    (HEADER + length).next_multiple_of(S::ALIGN)
}

/// Notes that there have been `records` up to `position`, which is about to be published.
#[inline(always)]
fn count(area: &Area, counters: Option<Counters>, position: usize, records: u64) {
    // ORDERING: as in the package: a reader who finds the same stamp before and after the counters has
    // them whole. Nobody reads them here.
    match counters {
        None => {}
        Some(Counters::Count(at)) => area.word(at).store(records, Ordering::Relaxed),
        Some(Counters::Ledger(at)) => {
            let entry = at + ENTRY * (records & 1) as usize;
            area.word(entry).store(OPEN, Ordering::Relaxed);
            fence(Ordering::Release);
            area.word(entry + 8).store(records, Ordering::Relaxed);
            area.word(entry + 16).store(0, Ordering::Relaxed);
            area.word(entry).store(position as u64, Ordering::Release);
        }
    }
}

pub struct Producer<S> {
    area: Area,
    tail: usize,
    head: usize,
    /// Records since the tail was stored.
    waiting: usize,
    written: u64,
    shape: PhantomData<S>,
}

impl<S: Shape> Producer<S> {
    #[inline]
    fn publish(&mut self) {
        self.waiting = 0;
        count(&self.area, S::WRITTEN, self.tail, self.written);
        // ORDERING: release: headers and payloads up to `tail`; partner: `Consumer::look`.
        self.area.word(S::TAIL).store(self.tail as u64, Ordering::Release);
    }

    /// Whether there is room up to `end`. What is not yet published is never all that is in the way:
    /// a ring holds many times `EVERY` records.
    #[inline]
    fn reaches(&mut self, end: usize) -> bool {
        if end - self.head > CAPACITY {
            // ORDERING: acquire: the consumer has done with the bytes before it; partner:
            // `Consumer::release`.
            self.head = self.area.word(S::HEAD).load(Ordering::Acquire) as usize;
        }
        end - self.head <= CAPACITY
    }
}

impl<S: Shape> sides::Producer for Producer<S> {
    #[inline]
    fn try_write(&mut self, record: &[u8]) -> bool {
        // ORDERING: relaxed: only the look is measured.
        if S::FLAGS.iter().any(|&flag| self.area.word(flag).load(Ordering::Relaxed) != 0) {
            return false;
        }
        let need = footprint::<S>(record.len());
        let rest = rest(self.tail);
        let padding = if need > rest { rest } else { 0 };
        let end = self.tail + padding + need;
        if !self.reaches(end) {
            return false;
        }
        // SAFETY: `[tail, end)` is free by the check above and contiguous after the padding; a
        // header is eight aligned bytes.
        unsafe {
            if padding > 0 {
                self.area.data(self.tail).cast::<u64>().write(PADDING);
            }
            let at = self.area.data(self.tail + padding);
            at.cast::<u64>().write(record.len() as u64);
            at.add(HEADER).copy_from_nonoverlapping(record.as_ptr(), record.len());
        }
        self.tail = end;
        self.written += 1;
        self.waiting += 1;
        if self.waiting >= S::EVERY {
            self.publish();
        }
        true
    }

    fn flush(&mut self) {
        if self.waiting > 0 {
            self.publish();
        }
    }
}

pub struct Consumer<S> {
    area: Area,
    head: usize,
    tail: usize,
    read: u64,
    shape: PhantomData<S>,
}

impl<S: Shape> Consumer<S> {
    /// Bytes that wait.
    fn look(&mut self) -> usize {
        // ORDERING: acquire: headers and payloads up to `tail`; partner: `Producer::publish`.
        self.tail = self.area.word(S::TAIL).load(Ordering::Acquire) as usize;
        self.tail - self.head
    }

    #[inline]
    fn release(&mut self, position: usize, records: usize) {
        self.head = position;
        self.read += records as u64;
        count(&self.area, S::READ, position, self.read);
        // ORDERING: release: our reads of these bytes; partner: `Producer::reaches`.
        self.area.word(S::HEAD).store(position as u64, Ordering::Release);
    }
}

impl<S: Shape> sides::Consumer for Consumer<S> {
    #[inline]
    fn drain(&mut self, mut handler: impl FnMut(*const u8, usize)) -> usize {
        if self.tail == self.head && self.look() == 0 {
            return 0;
        }
        let (mut position, mut count) = (self.head, 0);
        let end = self.tail.min(self.head + CAPACITY / 8);
        while position < end {
            let at = self.area.data(position);
            // SAFETY: a header lies at every committed position.
            let length = unsafe { at.cast::<u64>().read() };
            if length == PADDING {
                position += rest(position);
                continue;
            }
            // SAFETY: the payload follows its header, inside the buffer.
            handler(unsafe { at.add(HEADER) }, length as usize);
            position += footprint::<S>(length as usize);
            count += 1;
            if S::RELEASE_EACH {
                self.release(position, 1);
            }
        }
        if !S::RELEASE_EACH || position != self.head {
            self.release(position, if S::RELEASE_EACH { 0 } else { count });
        }
        count
    }

    fn linger(&mut self, lag: Duration) {
        linger(lag, || self.look() >= CAPACITY / 8);
    }
}
