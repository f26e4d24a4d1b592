//! The minimal native ring that shmring is measured against: one producer, one consumer, records
//! of any length in a byte ring, nothing else. No file, no lock, no sleep, no checks.
//!
//! ```text
//! 0     head   u64, bytes released; the consumer writes it
//! 128   tail   u64, bytes committed; the producer writes it
//! 256   spare  a line of its own for experiments
//! 4096  data   `capacity` bytes, a power of two
//!
//! record   length u64 | payload | up to 7 bytes of padding
//! padding  PADDING u64 | whatever lies before the end of the buffer
//! ```
//!
//! Both sides keep their own position privately and the other's in a cache that they renew only
//! when it says "full" or "empty" (as rtrb and SPSCQueue do), so that a cache line crosses between
//! the cores once for many records.

use std::hint::spin_loop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const HEAD: usize = 0;
const TAIL: usize = 128;
const SPARE: usize = 256;
const DATA: usize = 4096;
pub(crate) const HEADER: usize = 8;
const PADDING: u64 = u64::MAX;

/// Bytes of memory that a ring of `capacity` bytes takes.
pub const fn region_bytes(capacity: usize) -> usize {
    DATA + capacity
}

/// Memory that holds a ring: shared between threads or processes.
#[derive(Clone, Copy)]
pub struct Region {
    base: NonNull<u8>,
    capacity: usize,
}

// SAFETY: the words are only touched through atomics, and a byte of data belongs to one side at a
// time, by the protocol.
unsafe impl Send for Region {}

impl Region {
    /// # Safety
    /// `base` points to `region_bytes(capacity)` bytes, zeroed, aligned to a page, that stay mapped
    /// as long as a handle lives; at most one producer and one consumer are made of them.
    pub unsafe fn new(base: NonNull<u8>, capacity: usize) -> Self {
        assert!(capacity.is_power_of_two() && capacity >= DATA);
        Self { base, capacity }
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: inside the region and aligned, by `new`; everybody reaches it as an atomic.
        unsafe { self.base.add(offset).cast().as_ref() }
    }

    /// A word in a line that neither side's protocol uses.
    pub fn spare(&self) -> &AtomicU64 {
        self.word(SPARE)
    }

    /// Bytes released.
    pub(crate) fn head(&self) -> &AtomicU64 {
        self.word(HEAD)
    }

    /// Bytes committed, or taken where there are many producers.
    pub(crate) fn tail(&self) -> &AtomicU64 {
        self.word(TAIL)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The header of the record at `position`, a multiple of 8.
    pub(crate) fn header(&self, position: usize) -> &AtomicU64 {
        self.word(DATA + (position & (self.capacity - 1)))
    }

    /// Address of the byte at `position`.
    pub(crate) fn data(&self, position: usize) -> *mut u8 {
        // SAFETY: the index is below the capacity.
        unsafe { self.base.add(DATA + (position & (self.capacity - 1))).as_ptr() }
    }
}

/// Bytes that a record of `length` bytes takes.
pub(crate) const fn footprint(length: usize) -> usize {
    (HEADER + length).next_multiple_of(8)
}

pub struct Producer {
    region: Region,
    tail: usize,
    head: usize,
}

impl Producer {
    pub fn new(region: Region) -> Self {
        Self { region, tail: 0, head: 0 }
    }

    pub fn spare(&self) -> &AtomicU64 {
        self.region.spare()
    }

    /// Copies `record` in and publishes it; `false` when there is no room.
    #[inline]
    pub fn try_write(&mut self, record: &[u8]) -> bool {
        let staged = self.stage(record);
        if staged {
            self.publish();
        }
        staged
    }

    /// Copies in as many of `records` as fit and publishes them by one store; returns how many.
    #[inline]
    pub fn try_write_batch(&mut self, records: &[&[u8]]) -> usize {
        let staged = records.iter().take_while(|record| self.stage(record)).count();
        if staged > 0 {
            self.publish();
        }
        staged
    }

    #[inline]
    fn stage(&mut self, record: &[u8]) -> bool {
        let need = footprint(record.len());
        let rest = self.region.capacity - (self.tail & (self.region.capacity - 1));
        let padding = if need > rest { rest } else { 0 };
        let end = self.tail + padding + need;
        if end - self.head > self.region.capacity {
            // ORDERING: acquire: what the consumer has read of the released bytes happened before
            // we overwrite them; partner: `Consumer::drain`'s store of head.
            self.head = self.region.head().load(Ordering::Acquire) as usize;
            if end - self.head > self.region.capacity {
                return false;
            }
        }
        // SAFETY: `[tail, end)` is free by the check above and contiguous after the padding; a
        // header is eight aligned bytes.
        unsafe {
            if padding > 0 {
                self.region.data(self.tail).cast::<u64>().write(PADDING);
            }
            let at = self.region.data(self.tail + padding);
            at.cast::<u64>().write(record.len() as u64);
            at.add(HEADER).copy_from_nonoverlapping(record.as_ptr(), record.len());
        }
        self.tail = end;
        true
    }

    #[inline]
    fn publish(&self) {
        // ORDERING: release: headers and payloads up to `tail`; partner: `Consumer::look`.
        self.region.tail().store(self.tail as u64, Ordering::Release);
    }
}

pub struct Consumer {
    region: Region,
    head: usize,
    tail: usize,
}

impl Consumer {
    pub fn new(region: Region) -> Self {
        Self { region, head: 0, tail: 0 }
    }

    /// Bytes that wait.
    fn look(&mut self) -> usize {
        // ORDERING: acquire: headers and payloads up to `tail`; partner: `Producer::publish`.
        self.tail = self.region.tail().load(Ordering::Acquire) as usize;
        self.tail - self.head
    }

    /// Whether a record waits, by a look.
    pub fn has_record(&mut self) -> bool {
        self.look() > 0
    }

    /// Hands every record that waits to `handler`, in place, at most an eighth of the capacity at
    /// once; then releases them all by one store. Returns how many there were.
    #[inline]
    pub fn drain(&mut self, mut handler: impl FnMut(*const u8, usize)) -> usize {
        if self.tail == self.head && self.look() == 0 {
            return 0;
        }
        let mut count = 0;
        let mut position = self.head;
        let end = self.tail.min(self.head + self.region.capacity / 8);
        while position < end {
            let at = self.region.data(position);
            // SAFETY: a header lies at every committed position.
            let length = unsafe { at.cast::<u64>().read() };
            if length == PADDING {
                position = (position | (self.region.capacity - 1)) + 1;
                continue;
            }
            // SAFETY: the payload follows its header, inside the buffer.
            handler(unsafe { at.add(HEADER) }, length as usize);
            position += footprint(length as usize);
            count += 1;
        }
        self.head = position;
        // ORDERING: release: our reads of these bytes; partner: `Producer::stage`'s load of head.
        self.region.head().store(position as u64, Ordering::Release);
        count
    }

    /// Lets the producer get ahead; see [`linger`].
    pub fn linger(&mut self, lag: Duration) {
        linger(lag, || self.look() >= self.region.capacity / 8);
    }
}

/// What a consumer does that found nothing under load: it spins until `enough` waits (an eighth of
/// the capacity), or for `lag`, so that the lines that cross carry more records each. It looks
/// rarely, for a look takes the line of `tail` away from the producer.
pub fn linger(lag: Duration, mut enough: impl FnMut() -> bool) {
    let start = Instant::now();
    let mut next_look = lag / 4;
    loop {
        let elapsed = start.elapsed();
        if elapsed >= lag {
            return;
        }
        if elapsed >= next_look {
            if enough() {
                return;
            }
            next_look = elapsed + lag / 4;
        }
        spin_loop();
    }
}
