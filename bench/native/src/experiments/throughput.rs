//! Producers that write all the time, each in a process of its own, and a consumer that takes the time.
//! Whatever the variant, it must bring every record once, whole and in its producer's order.

use std::hint::spin_loop;
use std::io::{Error, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, available_parallelism, yield_now};

use super::sides::{Consumer, Producer, Ring};
use super::{Run, steps_for};
use crate::shared::{Child, fork, map};

/// Most producers of a run.
pub const PRODUCERS: usize = 8;
/// Records differ in their number's last bits, so that a torn, lost or repeated one is noticed.
const DIFFERENT: usize = 8;
/// Writes between two looks whether it is over.
const CALLS: usize = 256;

/// Words of a run beside the ring: how many producers are there, whether it is over, and how many
/// records each has written.
#[derive(Clone, Copy)]
struct Signals(&'static [AtomicU64]);

impl Signals {
    fn new() -> Result<Self> {
        // SAFETY: zeroed memory that stays for ever; everybody reaches it as atomics.
        Ok(Signals(unsafe { std::slice::from_raw_parts(map(4096)?.cast().as_ptr(), 512) }))
    }

    fn ready(&self) -> &AtomicU64 {
        &self.0[0]
    }

    // ORDERING: relaxed, as everything here: it only starts and ends the run; what was written is read
    // after the processes have ended.
    fn over(&self) -> bool {
        self.0[16].load(Ordering::Relaxed) != 0
    }

    fn end(&self) {
        self.0[16].store(1, Ordering::Relaxed);
    }

    fn written(&self, producer: usize) -> &AtomicU64 {
        &self.0[32 + 16 * producer]
    }
}

/// Lets the other side have a core, where it may need this one.
fn wait_for_others(crowded: bool) {
    if crowded { yield_now() } else { spin_loop() }
}

fn record(producer: usize, number: usize, size: usize) -> Vec<u8> {
    let number = number % DIFFERENT;
    let mut record = vec![number as u8; size];
    record[..8].copy_from_slice(&((producer * DIFFERENT + number) as u64).to_ne_bytes());
    record
}

/// Writes until it is over; how many records.
fn produce<P: Producer>(
    producer: &mut P,
    number: usize,
    run: &Run,
    crowded: bool,
    signals: Signals,
) -> usize {
    let records: [Vec<u8>; DIFFERENT] = std::array::from_fn(|of| record(number, of, run.size));
    signals.ready().fetch_add(1, Ordering::Relaxed);
    while signals.ready().load(Ordering::Relaxed) < run.producers as u64 {
        yield_now();
    }
    let mut written = 0;
    while !signals.over() {
        for _ in 0..CALLS {
            while !producer.try_write(&records[written % DIFFERENT]) {
                if signals.over() {
                    return written;
                }
                wait_for_others(crowded);
            }
            written += 1;
        }
    }
    written
}

/// Looks at both ends of each record, as the yardstick's reader does, and whether they are the expected.
struct Reader {
    next: [usize; PRODUCERS],
    wrong: u64,
}

impl Reader {
    /// # Safety
    /// `length` bytes at `payload` are readable, 8 at least.
    #[inline(always)]
    unsafe fn read<const ONE: bool>(&mut self, payload: *const u8, length: usize) {
        // SAFETY: the caller's contract.
        let (first, last) =
            unsafe { (payload.cast::<u64>().read_unaligned(), payload.add(length - 1).read()) };
        let producer = if ONE { 0 } else { first as usize / DIFFERENT % PRODUCERS };
        let number = self.next[producer] % DIFFERENT;
        self.next[producer] += 1;
        self.wrong |= first ^ (producer * DIFFERENT + number) as u64 | u64::from(last) ^ number as u64;
    }
}

/// Nanoseconds a record, and what was read until there was nothing more after the end.
fn consume<const ONE: bool>(
    mut consumer: impl Consumer,
    run: &Run,
    crowded: bool,
    end: impl FnOnce(),
) -> (f64, Reader) {
    let mut reader = Reader { next: [0; PRODUCERS], wrong: 0 };
    let mut burst = 0;
    let mut step = || {
        // SAFETY: the ring hands out payloads of `length` bytes, and every run writes 16 at least.
        let drained = consumer.drain(|payload, length| unsafe { reader.read::<ONE>(payload, length) });
        burst += drained;
        if drained == 0 {
            let lag = run.lag.after(std::mem::take(&mut burst));
            if crowded || lag.is_zero() { wait_for_others(crowded) } else { consumer.linger(lag) }
        }
        drained
    };
    steps_for(run.warm_up, &mut step);
    let (nanoseconds, records) = steps_for(run.timed, &mut step);
    end();
    while step() > 0 {}
    (nanoseconds / records as f64, reader)
}

/// Nanoseconds a record over all producers.
pub fn measure<R: Ring>(run: &Run) -> Result<f64> {
    assert!((1..=PRODUCERS).contains(&run.producers) && run.size >= 16);
    let (ring, signals) = (R::new()?, Signals::new()?);
    // A spinning process would keep its core from the very one that it waits for.
    let crowded = available_parallelism().is_ok_and(|cores| run.producers >= cores.get());
    let mut children = Vec::new();
    for number in 0..run.producers {
        children.push(fork(|| {
            run.place_producer();
            let mut producer = ring.producer(number);
            let written = produce(&mut producer, number, run, crowded, signals);
            producer.flush();
            signals.written(number).store(written as u64, Ordering::Relaxed);
        })?);
    }
    let consuming = move || {
        run.place_consumer();
        let end = || {
            signals.end();
            children.into_iter().for_each(Child::wait);
        };
        match run.producers {
            1 => consume::<true>(ring.consumer(), run, crowded, end),
            _ => consume::<false>(ring.consumer(), run, crowded, end),
        }
    };
    // In a thread, so that the placement ends with it.
    let (nanoseconds, reader) =
        thread::scope(|scope| scope.spawn(consuming).join()).expect("the consumer ends well");
    for number in 0..run.producers {
        let written = signals.written(number).load(Ordering::Relaxed) as usize;
        if reader.wrong != 0 || reader.next[number] != written {
            let read = reader.next[number];
            let message = format!("producer {number}: {written} records written, {read} read");
            return Err(Error::other(format!("{message}; in order and whole: {}", reader.wrong == 0)));
        }
    }
    Ok(nanoseconds)
}
