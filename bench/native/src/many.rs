//! The minimal native ring that shmring's `mpsc` ring is measured against: any number of producers,
//! one consumer, records of any length in the memory of [`ring`](crate::ring), nothing else. No file,
//! no owners, no sleep, no checks; a producer that dies between its two steps blocks it for ever.
//!
//! ```text
//! header   position / 8 + 1, 40 bits | length, 24 bits
//! record   header | payload | up to 7 bytes of padding
//! padding  header with the length PADDING | whatever lies before the end of the buffer
//! ```
//!
//! A producer takes space by a CAS on `tail`, copies its record in and publishes it by the store of
//! its header, last. A header names its own position, so that what an earlier lap left there is not
//! taken for one, and nothing needs to be zeroed. Only a payload that spells out where it will lie one
//! lap later could be. Rings for real use exclude that: by zeroing what they release (as Agrona's
//! does; `clear` shows what that costs), or by keeping headers and payload apart. The yardstick leaves
//! it out and is the faster for it.

use std::slice::from_ref;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::ring::{HEADER, Region, footprint, linger};

const LENGTH_BITS: u32 = 24;
const LENGTH_MASK: u64 = (1 << LENGTH_BITS) - 1;
const PADDING: usize = LENGTH_MASK as usize;

const fn header(position: usize, length: usize) -> u64 {
    (position as u64 / 8 + 1) << LENGTH_BITS | length as u64
}

/// The length in a header found at `position`, if that is the header of this position.
const fn published(position: usize, found: u64) -> Option<usize> {
    let length = (found & LENGTH_MASK) as usize;
    if header(position, length) == found { Some(length) } else { None }
}

pub struct Producer {
    region: Region,
    head: usize,
}

impl Producer {
    pub fn new(region: Region) -> Self {
        Self { region, head: 0 }
    }

    /// Copies `record` in and publishes it; `false` when there is no room.
    #[inline]
    pub fn try_write(&mut self, record: &[u8]) -> bool {
        self.try_write_batch(from_ref(&record)) == 1
    }

    /// Takes space for as many of `records` as fit by one step, and publishes them; returns how many.
    #[inline]
    pub fn try_write_batch(&mut self, records: &[&[u8]]) -> usize {
        // ORDERING: relaxed, here and in the exchange: it only deals out space; a header publishes what
        // lies in it.
        let mut tail = self.region.tail().load(Ordering::Relaxed);
        loop {
            let start = tail as usize;
            let mut fitting = self.fit(records, start);
            if fitting.0 < records.len() {
                // ORDERING: acquire: what the consumer has read of the released bytes happened before
                // we overwrite them; partner: `Consumer::drain`'s store of head.
                self.head = self.region.head().load(Ordering::Acquire) as usize;
                fitting = self.fit(records, start);
            }
            let (count, end) = fitting;
            if count == 0 {
                return 0;
            }
            let (free, taken) = (Ordering::Relaxed, Ordering::Relaxed);
            match self.region.tail().compare_exchange_weak(tail, end as u64, free, taken) {
                Ok(_) => {
                    self.fill(&records[..count], start);
                    return count;
                }
                Err(found) => tail = found,
            }
        }
    }

    /// How many of `records` fit at `tail`, and where they end.
    #[inline]
    fn fit(&self, records: &[&[u8]], tail: usize) -> (usize, usize) {
        let limit = self.head + self.region.capacity();
        let mut fitting = (0, tail);
        for record in records {
            let end = self.start(fitting.1, record.len()) + footprint(record.len());
            if end > limit {
                break;
            }
            fitting = (fitting.0 + 1, end);
        }
        fitting
    }

    /// Where a record of `length` bytes starts: at `position`, or behind the padding that it needs.
    #[inline]
    fn start(&self, position: usize, length: usize) -> usize {
        let rest = self.region.capacity() - (position & (self.region.capacity() - 1));
        if footprint(length) > rest { position + rest } else { position }
    }

    #[inline]
    fn fill(&self, records: &[&[u8]], tail: usize) {
        let mut position = tail;
        for record in records {
            let start = self.start(position, record.len());
            if start > position {
                self.publish(position, PADDING);
            }
            // SAFETY: taken by the exchange, free by `fit`, and contiguous from `start`.
            unsafe {
                let at = self.region.data(start).add(HEADER);
                at.copy_from_nonoverlapping(record.as_ptr(), record.len());
            }
            self.publish(start, record.len());
            position = start + footprint(record.len());
        }
    }

    #[inline]
    fn publish(&self, position: usize, length: usize) {
        // ORDERING: release: the payload before it; partner: `Consumer::drain`'s load.
        self.region.header(position).store(header(position, length), Ordering::Release);
    }
}

pub struct Consumer {
    region: Region,
    head: usize,
    clear: bool,
}

impl Consumer {
    /// `clear`: zeroes what it releases.
    pub fn new(region: Region, clear: bool) -> Self {
        Self { region, head: 0, clear }
    }

    /// Hands every record that waits to `handler`, in place, at most an eighth of the capacity at
    /// once; then releases them all by one store. Returns how many there were.
    #[inline]
    pub fn drain(&mut self, mut handler: impl FnMut(*const u8, usize)) -> usize {
        let limit = self.head + self.region.capacity() / 8;
        let (mut position, mut count) = (self.head, 0);
        while position < limit {
            // ORDERING: acquire: the payload of that record; partner: `Producer::publish`.
            let found = self.region.header(position).load(Ordering::Acquire);
            let Some(length) = published(position, found) else { break };
            let end = if length == PADDING {
                (position | (self.region.capacity() - 1)) + 1
            } else {
                // SAFETY: the payload follows its header, inside the buffer.
                handler(unsafe { self.region.data(position).add(HEADER) }, length);
                count += 1;
                position + footprint(length)
            };
            if self.clear {
                // SAFETY: this record's bytes, which are the consumer's until it releases them.
                unsafe { self.region.data(position).write_bytes(0, end - position) };
            }
            position = end;
        }
        if position != self.head {
            self.head = position;
            // ORDERING: release: our reads of these bytes; partner: `Producer::try_write_batch`'s load.
            self.region.head().store(position as u64, Ordering::Release);
        }
        count
    }

    /// Lets the producers get ahead; see [`linger`].
    pub fn linger(&mut self, lag: Duration) {
        linger(lag, || {
            // ORDERING: relaxed: a hint how much there is.
            let tail = self.region.tail().load(Ordering::Relaxed) as usize;
            tail - self.head >= self.region.capacity() / 8
        });
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_raw_parts;
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::shared::region;

    const PRODUCERS: u64 = 3;
    const RECORDS: u64 = 20_000;
    const PATIENCE: Duration = Duration::from_secs(30);

    /// A length that differs from record to record, and now and then needs padding at the end.
    fn record(producer: u64, number: u64) -> Vec<u8> {
        let words = 2 + (number * 7 + producer) % 40;
        let tail = (2..words).map(|word| producer + number * word);
        [producer, number].into_iter().chain(tail).flat_map(u64::to_ne_bytes).collect()
    }

    fn write_all(mut producer: Producer, id: u64, over: &AtomicBool) {
        let records: Vec<Vec<u8>> = (0..RECORDS).map(|number| record(id, number)).collect();
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let mut rest = records.as_slice();
        // ORDERING: relaxed: it only ends what has failed.
        while !rest.is_empty() && !over.load(Ordering::Relaxed) {
            // One by one and in batches, in turn.
            let most = if rest.len().is_multiple_of(2) { 1 } else { rest.len().min(5) };
            let written = producer.try_write_batch(&rest[..most]);
            rest = &rest[written..];
            if written == 0 {
                thread::yield_now();
            }
        }
    }

    /// What each producer's next record would be, and the first that was not what it should be.
    fn read_all(mut consumer: Consumer) -> ([u64; PRODUCERS as usize], Option<Vec<u8>>) {
        let (mut next, mut wrong) = ([0; PRODUCERS as usize], None);
        let start = Instant::now();
        while next.iter().sum::<u64>() < PRODUCERS * RECORDS && wrong.is_none() && start.elapsed() < PATIENCE
        {
            let drained = consumer.drain(|payload, length| {
                // SAFETY: the ring hands out payloads of `length` bytes, which are ours now.
                let payload = unsafe { from_raw_parts(payload, length) };
                let id = payload.first_chunk().map_or(PRODUCERS, |id| u64::from_ne_bytes(*id));
                match next.get_mut(id as usize) {
                    Some(next) if payload == record(id, *next) => *next += 1,
                    _ => wrong = wrong.take().or(Some(payload.to_vec())),
                }
            });
            if drained == 0 {
                thread::yield_now();
            }
        }
        (next, wrong)
    }

    #[test]
    fn every_record_of_every_producer_arrives_whole_once_and_in_its_order() {
        for clear in [false, true] {
            let region = region(4096).unwrap();
            let over = AtomicBool::new(false);
            let (next, wrong) = thread::scope(|scope| {
                for id in 0..PRODUCERS {
                    let over = &over;
                    scope.spawn(move || write_all(Producer::new(region), id, over));
                }
                let seen = read_all(Consumer::new(region, clear));
                // ORDERING: relaxed, as in `write_all`.
                over.store(true, Ordering::Relaxed);
                seen
            });
            assert_eq!(wrong, None);
            assert_eq!(next, [RECORDS; PRODUCERS as usize]);
        }
    }
}
