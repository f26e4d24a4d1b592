//! A conversation between two processes over two rings: one record there, one back. Both sides look all
//! the time, unless they lag.

use std::io::Result;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::Run;
use super::sides::{Consumer, Producer, Ring};
use crate::shared::{fork, map};

/// Nanoseconds of a round trip.
pub struct RoundTrips {
    pub median: f64,
    /// One in a thousand takes longer.
    pub tail: f64,
}

/// What one process has of both rings.
struct Side<R: Ring> {
    outwards: R::Producer,
    inwards: R::Consumer,
    burst: usize,
}

impl<R: Ring> Side<R> {
    fn new(outwards: R, inwards: R) -> Self {
        Side { outwards: outwards.producer(0), inwards: inwards.consumer(), burst: 0 }
    }

    #[inline]
    fn send(&mut self, record: &[u8]) {
        assert!(self.outwards.try_write(record), "one record fits");
    }

    /// Waits for one record, whose number it returns; `None` when it is over.
    #[inline]
    fn receive(&mut self, run: &Run, mut over: impl FnMut() -> bool) -> Option<u64> {
        let mut number = None;
        loop {
            let drained = self.inwards.drain(|payload, length| {
                // SAFETY: the ring hands out payloads of `length` bytes, 16 at least here.
                unsafe {
                    std::hint::black_box(payload.add(length - 1).read());
                    number = Some(payload.cast::<u64>().read_unaligned());
                }
            });
            self.burst += drained;
            if drained > 0 {
                return number;
            }
            if over() {
                return None;
            }
            let lag = run.lag.after(std::mem::take(&mut self.burst));
            if !lag.is_zero() {
                self.inwards.linger(lag);
            }
        }
    }
}

fn answer<R: Ring>(mut side: Side<R>, run: &Run, over: impl Fn() -> bool) {
    let mut record = vec![0x61; run.size];
    while let Some(number) = side.receive(run, &over) {
        record[..8].copy_from_slice(&(number + 1).to_ne_bytes());
        side.send(&record);
    }
}

fn ask<R: Ring>(mut side: Side<R>, run: &Run) -> RoundTrips {
    let mut record = vec![0x61; run.size];
    let mut trips = Vec::with_capacity(1 << 20);
    let (start, mut number) = (Instant::now(), 0);
    let mut last = start;
    while last - start < run.warm_up + run.timed && trips.len() < trips.capacity() {
        record[..8].copy_from_slice(&u64::to_ne_bytes(number));
        side.send(&record);
        let answer = side.receive(run, || false);
        number += 1;
        assert_eq!(answer, Some(number), "each answer names its question");
        let now = Instant::now();
        if now - start > run.warm_up {
            trips.push((now - last).as_nanos() as u64);
        }
        last = now;
    }
    trips.sort_unstable();
    let of = |share: usize| trips[(trips.len() - 1) * share / 1000] as f64;
    RoundTrips { median: of(500), tail: of(999) }
}

pub fn measure<R: Ring>(run: &Run) -> Result<RoundTrips> {
    let (there, back) = (R::new()?, R::new()?);
    let over = map(4096)?;
    // SAFETY: zeroed memory that stays for ever; both processes reach it as an atomic.
    let over = unsafe { over.cast::<std::sync::atomic::AtomicU64>().as_ref() };
    let answering = fork(|| {
        run.place_producer();
        // ORDERING: relaxed: it only ends the run.
        answer(Side::new(back, there), run, || over.load(Ordering::Relaxed) != 0);
    })?;
    let asking = move || {
        run.place_consumer();
        ask(Side::new(there, back), run)
    };
    let trips = thread::scope(|scope| scope.spawn(asking).join()).expect("the asking side ends well");
    over.store(1, Ordering::Relaxed);
    answering.wait();
    Ok(trips)
}
