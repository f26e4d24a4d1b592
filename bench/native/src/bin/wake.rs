//! How long a futex takes to wake a sleeper in another process: a record of the native ring, then a
//! wake, until the sleeper knows of the record. One run, printed as JSON.
//!
//! ```text
//! wake --wakes N --warm-up N --pause-micros N [--pin CPU,CPU]
//! ```
//!
//! Between two wakes the producer stays busy for `--pause-micros` to twice that, at random. The
//! `--warm-up` wakes before, which are not timed, follow each other ten times as fast.

use std::error::Error;
use std::hint::spin_loop;
use std::ptr::null;
use std::sync::atomic::{AtomicU64, Ordering};

use pico_args::Arguments;
use shmring_bench::pace::{Run, cpu_pair};
use shmring_bench::ring::{Consumer, Producer, Region};
use shmring_bench::shared::{fork, region};
use shmring_bench::times::{clock_cost, now, percentiles};

fn futex(word: &AtomicU64, operation: libc::c_int, value: u32) {
    // SAFETY: a live aligned word, of which the kernel uses the first half; no time-out.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, null::<libc::timespec>());
    }
}

/// Wakes are counted in the half of the word that the futex looks at.
fn count(word: &AtomicU64) -> u32 {
    // ORDERING: acquire: the record before the count; partner: `produce`'s store.
    let bytes = word.load(Ordering::Acquire).to_ne_bytes();
    u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Nanoseconds that each write with its wake took.
fn produce(region: Region, pauses: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut producer = Producer::new(region);
    let mut record = [0x61; 64];
    let mut wakes = 0u32;
    let write = |pause| {
        let until = now() + pause;
        while now() < until {
            spin_loop();
        }
        let before = now();
        record[..8].copy_from_slice(&before.to_ne_bytes());
        assert!(producer.try_write(&record), "the ring is empty");
        wakes += 1;
        let halves = [wakes.to_ne_bytes(), [0; 4]].concat();
        let word = u64::from_ne_bytes(halves.try_into().expect("two halves of four bytes"));
        // ORDERING: release: the record before the count; partner: `count`.
        region.spare().store(word, Ordering::Release);
        futex(region.spare(), libc::FUTEX_WAKE, 1);
        now() - before
    };
    pauses.map(write).collect()
}

/// Nanoseconds from before each write until the sleeper knew of the record.
fn consume(region: Region, wakes: usize) -> Vec<u64> {
    let mut consumer = Consumer::new(region);
    let mut delays = Vec::with_capacity(wakes);
    while delays.len() < wakes {
        let seen = count(region.spare());
        if !consumer.has_record() {
            futex(region.spare(), libc::FUTEX_WAIT, seen);
            continue;
        }
        let woken = now();
        // SAFETY: the producer writes its clock into the first 8 bytes. A consumer that lost its
        // core for long finds more than one record.
        consumer.drain(|at, _| delays.push(woken - unsafe { at.cast::<u64>().read_unaligned() }));
    }
    delays
}

/// `pause` to twice that, at random (xorshift64*, by Vigna): nothing that a timer could agree with.
fn pauses(count: usize, pause: u64, mut seed: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |_| {
        seed ^= seed >> 12;
        seed ^= seed << 25;
        seed ^= seed >> 27;
        pause + (seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % pause.max(1)
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::from_env();
    let wakes: usize = arguments.value_from_str("--wakes")?;
    let warm_up: usize = arguments.value_from_str("--warm-up")?;
    let pause = 1000 * arguments.value_from_str::<_, u64>("--pause-micros")?;
    let pin = arguments.opt_value_from_fn("--pin", cpu_pair)?;
    let (run, region) = (Run { records: wakes, pin }, region(1 << 16)?);

    // The writer's times come back through a pipe, like everything between the two but the ring.
    let (read, write) = std::io::pipe()?;
    let producing = fork(|| {
        run.place_producer();
        let seed = now() | 1;
        let all = pauses(warm_up, pause / 10, seed).chain(pauses(wakes, pause, seed));
        let writes = percentiles(produce(region, all).split_off(warm_up));
        std::io::Write::write_all(&mut &write, writes.as_bytes()).expect("the parent reads");
    })?;
    drop(write);
    run.place_consumer();
    let delays = percentiles(consume(region, warm_up + wakes).split_off(warm_up));
    let writes = std::io::read_to_string(read)?;
    producing.wait();
    println!("{{\"clock\":{:.1},\"wake\":{delays},\"write\":{writes}}}", clock_cost());
    Ok(())
}
