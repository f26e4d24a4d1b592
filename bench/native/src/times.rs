//! The clock, and times as JSON.

use std::hint::black_box;
use std::mem::MaybeUninit;

/// Nanoseconds of the machine's monotonic clock: one and the same for all processes.
#[inline]
pub fn now() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the call fills `time`; it cannot fail for this clock and a valid address.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr());
        time.assume_init()
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Nanoseconds that one reading of the clock takes.
pub fn clock_cost() -> f64 {
    const READINGS: u32 = 100_000;
    let start = now();
    for _ in 0..READINGS {
        black_box(now());
    }
    (now() - start) as f64 / f64::from(READINGS)
}

/// The value below which `part` of the sorted `values` lie.
fn percentile(values: &[u64], part: f64) -> u64 {
    values[((values.len() as f64 * part) as usize).min(values.len() - 1)]
}

/// Percentiles of nanoseconds, as JSON.
pub fn percentiles(mut nanoseconds: Vec<u64>) -> String {
    assert!(!nanoseconds.is_empty(), "nothing was timed");
    nanoseconds.sort_unstable();
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| percentile(&nanoseconds, part));
    let max = nanoseconds[nanoseconds.len() - 1];
    format!("{{\"p50\":{p50},\"p99\":{p99},\"p999\":{p999},\"max\":{max}}}")
}
