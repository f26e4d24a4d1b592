//! Is the yardstick itself honest? The native ring beside `rtrb`, between two threads, in one run,
//! round by round in turn: 64-byte records, the same bytes of capacity. Printed as JSON.
//!
//! ```text
//! rtrb [--rounds N] [--records N] [--capacity BYTES] [--lag-micros N] [--pin CPU,CPU]
//! ```
//!
//! rtrb's element is a fixed array without a header, taken out one at a time by `pop`, whose
//! natural consumer polls at once. As a consumer that lags is worth more than anything else, rtrb
//! is also given one, the same as ours, and our ring also runs without.

use std::error::Error;
use std::hint::{black_box, spin_loop};
use std::thread;
use std::time::Duration;

use pico_args::Arguments;
use rtrb::RingBuffer;
use shmring_bench::pace::{Run, cpu_pair};
use shmring_bench::probe::cache_line_round_trip;
use shmring_bench::ring::{Consumer, Producer, linger};
use shmring_bench::shared::region;

const SIZE: usize = 64;
type Element = [u8; SIZE];

/// Runs the two sides in a thread each; what the consuming one returns.
fn between_threads(run: Run, produce: impl FnOnce() + Send, consume: impl FnOnce() -> f64 + Send) -> f64 {
    thread::scope(|scope| {
        scope.spawn(move || {
            run.place_producer();
            produce();
        });
        let consuming = scope.spawn(move || {
            run.place_consumer();
            consume()
        });
        consuming.join().expect("the consumer ends well")
    })
}

fn native(run: Run, capacity: usize, lag: Duration) -> f64 {
    let region = region(capacity).expect("memory for a ring");
    let (mut producer, consumer) = (Producer::new(region), Consumer::new(region));
    let produce = move || {
        let record = black_box(vec![0x61; SIZE]);
        for _ in 0..run.total() {
            while !producer.try_write(&record) {
                spin_loop();
            }
        }
    };
    between_threads(run, produce, move || run.consume(consumer, lag))
}

fn rtrb(run: Run, capacity: usize, lag: Duration) -> f64 {
    let (mut producer, mut consumer) = RingBuffer::<Element>::new(capacity / SIZE);
    let produce = move || {
        let record: Element = black_box([0x61; SIZE]);
        for _ in 0..run.total() {
            while producer.push(record).is_err() {
                spin_loop();
            }
        }
    };
    let consume = move || {
        run.time(|| match consumer.pop() {
            Ok(element) => {
                black_box(u64::from_ne_bytes(element[..8].try_into().expect("eight bytes")));
                black_box(element[SIZE - 1]);
                1
            }
            Err(_) => {
                linger(lag, || consumer.slots() * SIZE >= capacity / 8);
                0
            }
        })
    };
    between_threads(run, produce, consume)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::from_env();
    let rounds: usize = arguments.opt_value_from_str("--rounds")?.unwrap_or(7);
    let capacity = arguments.opt_value_from_str("--capacity")?.unwrap_or(1 << 20);
    let lag = Duration::from_micros(arguments.opt_value_from_str("--lag-micros")?.unwrap_or(10));
    let run = Run {
        records: arguments.opt_value_from_str("--records")?.unwrap_or(3_000_000),
        pin: arguments.opt_value_from_fn("--pin", cpu_pair)?,
    };
    let probe = || cache_line_round_trip().map_or("null".into(), |p| format!("{:.1}", p.nanoseconds));
    let rounds: Vec<String> = (0..rounds)
        .map(|_| {
            let before = probe();
            let rtrb_polling = rtrb(run, capacity, Duration::ZERO);
            let native_polling = native(run, capacity, Duration::ZERO);
            let native_lagging = native(run, capacity, lag);
            let rtrb_lagging = rtrb(run, capacity, lag);
            format!(
                "{{\"probes\":[{before},{}],\"rtrb\":{{\"polling\":{rtrb_polling:.2},\
                 \"lagging\":{rtrb_lagging:.2}}},\"native\":{{\"polling\":{native_polling:.2},\
                 \"lagging\":{native_lagging:.2}}}}}",
                probe()
            )
        })
        .collect();
    println!("[{}]", rounds.join(",\n"));
    Ok(())
}
