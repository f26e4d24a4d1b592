//! A record there and its answer back through two native rings between two processes, both sides
//! polling; each round trip is timed by itself. One run, printed as JSON.
//!
//! ```text
//! roundtrip --size BYTES --trips N [--capacity BYTES] [--pin CPU,CPU]
//! ```

use std::error::Error;
use std::hint::spin_loop;

use pico_args::Arguments;
use shmring_bench::pace::{Run, cpu_pair};
use shmring_bench::ring::{Consumer, Producer};
use shmring_bench::shared::{fork, region};
use shmring_bench::times::{clock_cost, now, percentiles};

/// One party: it writes into one ring and reads from the other.
struct Party {
    producer: Producer,
    consumer: Consumer,
    record: Vec<u8>,
}

impl Party {
    fn write(&mut self, number: u64) {
        self.record[..8].copy_from_slice(&number.to_ne_bytes());
        assert!(self.producer.try_write(&self.record), "one record in flight always fits");
    }

    /// Waits for the next record; returns its number.
    fn read(&mut self) -> u64 {
        let mut number = 0;
        // SAFETY: the other party writes the number into the first 8 bytes.
        while self.consumer.drain(|at, _| number = unsafe { at.cast::<u64>().read_unaligned() }) == 0 {
            // NB: a fifth faster with the processor's pause between two looks than without (this program).
            spin_loop();
        }
        number
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::from_env();
    let size: usize = arguments.value_from_str("--size")?;
    let capacity = arguments.opt_value_from_str("--capacity")?.unwrap_or(1 << 20);
    let run = Run {
        records: arguments.value_from_str("--trips")?,
        pin: arguments.opt_value_from_fn("--pin", cpu_pair)?,
    };
    if size < 8 {
        return Err("records have 8 bytes at least".into());
    }
    let (there, back) = (region(capacity)?, region(capacity)?);
    let party = |to, from| Party {
        producer: Producer::new(to),
        consumer: Consumer::new(from),
        record: vec![0x61; size],
    };

    let answering = fork(|| {
        run.place_consumer();
        let mut answerer = party(back, there);
        for _ in 0..run.total() {
            let number = answerer.read();
            answerer.write(number);
        }
    })?;
    run.place_producer();
    let mut asker = party(there, back);
    let mut times = vec![0; run.total() + 1];
    times[0] = now();
    for number in 0..run.total() {
        asker.write(number as u64);
        assert_eq!(asker.read(), number as u64, "the answer to another question");
        times[number + 1] = now();
    }
    answering.wait();
    let trips = times[run.records..].windows(2).map(|pair| pair[1] - pair[0]).collect();
    println!("{{\"clock\":{:.1},\"trip\":{}}}", clock_cost(), percentiles(trips));
    Ok(())
}
