//! The native ring of many producers, each in a process of its own: one run, printed as JSON.
//!
//! ```text
//! many --producers N --size BYTES --records N [--batch N] [--capacity BYTES] [--lag-micros N]
//!      [--pin CPU,CPU…] [--clear]
//! ```
//!
//! `--records` counts those of all producers. The producers start together and write until the consumer
//! has what it times, so that all of them write all the time. `--pin` names the consumer's CPU, then
//! one for each producer. `--clear` is an experiment: the consumer zeroes what it releases.

use std::error::Error;
use std::hint::spin_loop;
use std::sync::atomic::Ordering;
use std::thread::{available_parallelism, yield_now};
use std::time::Duration;

use pico_args::Arguments;
use shmring_bench::many::{Consumer, Producer};
use shmring_bench::pace::{Run, place, read_ends};
use shmring_bench::ring::Region;
use shmring_bench::shared::{fork, region};

/// In the ring's spare word: the number of producers that are there, and this once they shall end.
const OVER: u64 = 1 << 32;
/// Calls between two looks at that word.
const CALLS: usize = 256;

struct Options {
    producers: usize,
    size: usize,
    batch: usize,
    capacity: usize,
    lag: Duration,
    clear: bool,
    pin: Option<Vec<usize>>,
    run: Run,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut arguments = Arguments::from_env();
    let options = Options {
        producers: arguments.value_from_str("--producers")?,
        size: arguments.value_from_str("--size")?,
        batch: arguments.opt_value_from_str("--batch")?.unwrap_or(1),
        capacity: arguments.opt_value_from_str("--capacity")?.unwrap_or(1 << 20),
        lag: Duration::from_micros(arguments.opt_value_from_str("--lag-micros")?.unwrap_or(10)),
        clear: arguments.contains("--clear"),
        pin: arguments.opt_value_from_fn("--pin", cpus)?,
        run: Run { records: arguments.value_from_str("--records")?, pin: None },
    };
    if options.producers == 0 || options.size < 8 || options.batch == 0 {
        return Err("one producer at least, 8 bytes a record, one record a batch".into());
    }
    if options.pin.as_ref().is_some_and(|cpus| cpus.len() <= options.producers) {
        return Err("--pin wants a CPU for the consumer and one for each producer".into());
    }
    Ok(options)
}

fn cpus(text: &str) -> Result<Vec<usize>, std::num::ParseIntError> {
    text.split(',').map(str::parse).collect()
}

/// How to wait for the other side.
#[derive(Clone, Copy)]
enum Patience {
    /// Everybody has a core.
    Spin,
    /// There are more processes than cores: the other side may wait for this one's.
    Yield,
}

impl Patience {
    fn with(processes: usize) -> Self {
        if available_parallelism().is_ok_and(|cores| processes <= cores.get()) {
            Patience::Spin
        } else {
            Patience::Yield
        }
    }

    #[inline]
    fn wait(self) {
        match self {
            Patience::Spin => spin_loop(),
            Patience::Yield => yield_now(),
        }
    }
}

/// Writes until it is over. The records are alike, so that what did not fit of a batch need not be
/// tried again by itself.
fn produce(
    region: Region,
    producers: usize,
    patience: Patience,
    mut write: impl FnMut(&mut Producer) -> bool,
) {
    let mut producer = Producer::new(region);
    // ORDERING: relaxed, as all of this word's: it only starts and ends the run.
    region.spare().fetch_add(1, Ordering::Relaxed);
    while region.spare().load(Ordering::Relaxed) < producers as u64 {
        yield_now();
    }
    // ORDERING: as above.
    let over = || region.spare().load(Ordering::Relaxed) >= OVER;
    while !over() {
        for _ in 0..CALLS {
            while !write(&mut producer) {
                if over() {
                    return;
                }
                patience.wait();
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let Options { producers, size, batch, capacity, lag, clear, pin, run } = options()?;
    let patience = Patience::with(producers + 1);
    let region = region(capacity)?;
    let mut children = Vec::new();
    for number in 1..=producers {
        children.push(fork(|| {
            pin.as_ref().inspect(|cpus| place(cpus[number]));
            let records = vec![vec![0x61; size]; batch];
            let batch: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
            match batch[..] {
                [record] => produce(region, producers, patience, |producer| producer.try_write(record)),
                _ => produce(region, producers, patience, |producer| producer.try_write_batch(&batch) > 0),
            }
        })?);
    }
    pin.inspect(|cpus| place(cpus[0]));
    let mut consumer = Consumer::new(region, clear);
    let nanoseconds = run.time(|| {
        // SAFETY: the ring hands out payloads of `length` bytes, and every run writes 8 at least.
        let drained = consumer.drain(|payload, length| unsafe { read_ends(payload, length) });
        if drained == 0 {
            match patience {
                Patience::Spin => consumer.linger(lag),
                Patience::Yield => patience.wait(),
            }
        }
        drained
    });
    // ORDERING: as in `produce`.
    region.spare().fetch_or(OVER, Ordering::Relaxed);
    for child in children {
        child.wait();
    }
    println!("{{\"nsPerRecord\":{nanoseconds:.2}}}");
    Ok(())
}
