//! The native ring between two processes: one run, printed as JSON.
//!
//! ```text
//! processes --size BYTES --records N [--batch N] [--capacity BYTES] [--lag-micros N]
//!           [--pin CPU,CPU] [--fence none|load|full]
//! ```
//!
//! `--fence` is an experiment: what it costs the producer to look, after each publication, for a
//! sleeping consumer: by a load of a word in a line of its own, with or without a full fence first.

use std::error::Error;
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use pico_args::Arguments;
use shmring_bench::pace::{Run, cpu_pair};
use shmring_bench::ring::{Consumer, Producer};
use shmring_bench::shared::{fork, region};

#[derive(Clone, Copy, PartialEq)]
enum Look {
    No,
    Load,
    Fence,
}

struct Options {
    size: usize,
    batch: usize,
    capacity: usize,
    lag: Duration,
    look: Look,
    run: Run,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut arguments = Arguments::from_env();
    let options = Options {
        size: arguments.value_from_str("--size")?,
        batch: arguments.opt_value_from_str("--batch")?.unwrap_or(1),
        capacity: arguments.opt_value_from_str("--capacity")?.unwrap_or(1 << 20),
        // NB: 10 µs is the knee at every size, cores near or far: shorter is slower, longer gains
        // little (swept from 0 to 40 µs with this program).
        lag: Duration::from_micros(arguments.opt_value_from_str("--lag-micros")?.unwrap_or(10)),
        run: Run {
            records: arguments.value_from_str("--records")?,
            pin: arguments.opt_value_from_fn("--pin", cpu_pair)?,
        },
        look: arguments
            .opt_value_from_fn("--fence", |text| match text {
                "none" => Ok(Look::No),
                "load" => Ok(Look::Load),
                "full" => Ok(Look::Fence),
                _ => Err("none, load or full"),
            })?
            .unwrap_or(Look::No),
    };
    if options.size < 8 || options.batch == 0 {
        return Err("records have 8 bytes at least, a batch one record".into());
    }
    Ok(options)
}

/// Writes `records` records, one call each, trying again while the ring is full.
fn produce<const FENCE: bool, const LOAD: bool>(producer: &mut Producer, record: &[u8], records: usize) {
    for _ in 0..records {
        while !producer.try_write(record) {
            spin_loop();
        }
        if FENCE {
            // ORDERING: the store of tail is seen before the word is looked at; partner: the fence
            // of a consumer about to sleep, which this experiment leaves out.
            fence(Ordering::SeqCst);
        }
        if LOAD {
            // ORDERING: relaxed: the fence before it is what is being measured.
            black_box(producer.spare().load(Ordering::Relaxed));
        }
    }
}

fn produce_batches(producer: &mut Producer, batch: &[&[u8]], records: usize) {
    let mut left = records;
    while left > 0 {
        let written = producer.try_write_batch(&batch[..batch.len().min(left)]);
        if written == 0 {
            spin_loop();
        }
        left -= written;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let Options { size, batch, capacity, lag, look, run } = options()?;
    let region = region(capacity)?;
    let producing = fork(|| {
        run.place_producer();
        let mut producer = Producer::new(region);
        let record = vec![0x61; size];
        match (batch, look) {
            (1, Look::No) => produce::<false, false>(&mut producer, &record, run.total()),
            (1, Look::Load) => produce::<false, true>(&mut producer, &record, run.total()),
            (1, Look::Fence) => produce::<true, true>(&mut producer, &record, run.total()),
            _ => {
                let records = vec![record; batch];
                let batch: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
                produce_batches(&mut producer, &batch, run.total());
            }
        }
    })?;
    run.place_consumer();
    let nanoseconds = run.consume(Consumer::new(region), lag);
    producing.wait();
    println!("{{\"nsPerRecord\":{nanoseconds:.2}}}");
    Ok(())
}
