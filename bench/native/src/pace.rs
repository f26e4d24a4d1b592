//! Where the two sides run and how the consuming one is timed, the same for threads and processes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::probe::pin_this_thread;
use crate::ring::Consumer;

/// How much to move, and on which CPUs.
#[derive(Clone, Copy)]
pub struct Run {
    /// Records that are timed. As many go before: pages are present then, and both sides run on a
    /// core of their own.
    pub records: usize,
    /// The producer's CPU and the consumer's; `None` leaves it to the system.
    pub pin: Option<(usize, usize)>,
}

impl Run {
    pub fn total(&self) -> usize {
        2 * self.records
    }

    pub fn place_producer(&self) {
        self.pin.inspect(|pin| place(pin.0));
    }

    pub fn place_consumer(&self) {
        self.pin.inspect(|pin| place(pin.1));
    }

    /// Nanoseconds a record. `step` takes what is there and returns how many records that were.
    #[inline]
    pub fn time(&self, mut step: impl FnMut() -> usize) -> f64 {
        let mut count = 0;
        while count < self.records {
            count += step();
        }
        let (start, first) = (Instant::now(), count);
        while count < self.total() {
            count += step();
        }
        start.elapsed().as_nanos() as f64 / (count - first).max(1) as f64
    }

    /// Drains our ring; nanoseconds a record.
    #[inline]
    pub fn consume(&self, mut consumer: Consumer, lag: Duration) -> f64 {
        self.time(|| {
            // SAFETY: the ring hands out payloads of `length` bytes, and every run writes 8 at least.
            let drained = consumer.drain(|payload, length| unsafe { read_ends(payload, length) });
            if drained == 0 {
                consumer.linger(lag);
            }
            drained
        })
    }
}

/// Keeps this thread on `cpu`.
pub fn place(cpu: usize) {
    assert!(pin_this_thread(cpu), "cannot run on CPU {cpu}");
}

/// Reads `CPU,CPU` of a command line.
pub fn cpu_pair(text: &str) -> Result<(usize, usize), &'static str> {
    let (producer, consumer) = text.split_once(',').ok_or("two CPUs, as in 0,1")?;
    let number = |text: &str| text.parse().map_err(|_| "a CPU's number");
    Ok((number(producer)?, number(consumer)?))
}

/// Reads what a reader cannot do without: the first 8 bytes and the last byte.
///
/// # Safety
/// `length` bytes at `payload` are readable, 8 at least.
#[inline]
pub unsafe fn read_ends(payload: *const u8, length: usize) {
    debug_assert!(length >= 8);
    // SAFETY: the caller's contract.
    unsafe {
        black_box(payload.cast::<u64>().read_unaligned());
        black_box(payload.add(length - 1).read());
    }
}
