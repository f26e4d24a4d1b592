//! How far apart two cores are: the round trip of one cache line between them.
//!
//! It decides most of what a record costs between two processes, and on a virtual machine it can
//! change within minutes while nothing of ours does. A figure without it says little.

use std::mem::{MaybeUninit, size_of};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// The two CPUs, as the kernel numbers them.
    pub cpus: (usize, usize),
    /// Median time of a round trip.
    pub nanoseconds: f64,
}

/// Round trips in a sample: enough that reading the clock does not count.
const TRIPS: u32 = 256;
/// Samples at most, the first of which are warm-up.
const SAMPLES: usize = 96;
const WARM_UP: usize = 8;
/// No new sample after this: the probe stays short where cores are far or busy.
const BUDGET: Duration = Duration::from_millis(40);
/// Polls between two looks at the clock while waiting for an answer.
const POLLS: u32 = 4096;

/// A value alone in its pair of lines.
#[derive(Default)]
#[repr(align(128))]
struct Line<T>(T);

#[derive(Default)]
struct Court {
    ball: Line<AtomicU32>,
    over: Line<AtomicBool>,
}

/// Bounces one cache line between the first two CPUs that this thread may run on. `None` when
/// there is only one, when the system does not let threads be placed, or when other programs keep
/// the two too busy to tell. Takes up to 60 ms.
pub fn cache_line_round_trip() -> Option<Probe> {
    let cpus = allowed_cpus();
    let (&here, &there) = (cpus.first()?, cpus.get(1)?);
    let court = Court::default();
    // Both threads are new ones, so that the caller keeps its own placement.
    let samples = thread::scope(|scope| {
        let answering = scope.spawn(|| pin_this_thread(there) && answer(&court));
        let asking = scope.spawn(|| {
            let samples = if pin_this_thread(here) { ask(&court) } else { Vec::new() };
            // ORDERING: relaxed: nothing else hangs on it; partner: probe::answer.
            court.over.0.store(true, Ordering::Relaxed);
            samples
        });
        let samples = asking.join().ok()?;
        answering.join().ok()?.then_some(samples)
    })?;
    Some(Probe { cpus: (here, there), nanoseconds: median(samples)? })
}

/// Sends odd numbers and waits for the even ones; nanoseconds a round trip, one figure a sample.
fn ask(court: &Court) -> Vec<f64> {
    let started = Instant::now();
    let mut number = 0;
    let mut samples = Vec::with_capacity(SAMPLES);
    while samples.len() < SAMPLES && started.elapsed() < BUDGET {
        let sample = Instant::now();
        for _ in 0..TRIPS {
            // ORDERING: relaxed: the number itself is the message; partner: probe::answer's load.
            court.ball.0.store(number + 1, Ordering::Relaxed);
            number += 2;
            let mut polls = 0;
            // ORDERING: relaxed: as above; partner: probe::answer's store.
            while court.ball.0.load(Ordering::Relaxed) != number {
                polls += 1;
                // A thread that could not be placed never answers.
                if polls % POLLS == 0 && started.elapsed() > BUDGET {
                    return samples;
                }
            }
        }
        samples.push(sample.elapsed().as_nanos() as f64 / f64::from(TRIPS));
    }
    samples.drain(..WARM_UP.min(samples.len().saturating_sub(1)));
    samples
}

/// Turns each odd number into the next even one until the game is over.
fn answer(court: &Court) -> bool {
    loop {
        // ORDERING: relaxed: the number itself is the message; partner: probe::ask's store.
        let number = court.ball.0.load(Ordering::Relaxed);
        if number % 2 == 1 {
            // ORDERING: relaxed: as above; partner: probe::ask's load.
            court.ball.0.store(number + 1, Ordering::Relaxed);
        // ORDERING: relaxed: nothing else hangs on it; partner: probe::cache_line_round_trip.
        } else if court.over.0.load(Ordering::Relaxed) {
            return true;
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The CPUs that this thread may run on, in the kernel's order; empty when it does not say.
pub fn allowed_cpus() -> Vec<usize> {
    let mut mask = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the kernel writes at most the given size into the mask, and all bits are valid.
    let mask = unsafe {
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), mask.as_mut_ptr()) != 0 {
            return Vec::new();
        }
        mask.assume_init()
    };
    (0..libc::CPU_SETSIZE as usize)
        // SAFETY: the index is below CPU_SETSIZE.
        .filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &mask) })
        .collect()
}

/// Keeps the calling thread on `cpu`; false when the system refuses.
pub fn pin_this_thread(cpu: usize) -> bool {
    if cpu >= libc::CPU_SETSIZE as usize {
        return false;
    }
    // SAFETY: an all-zero mask is an empty set; the index is below CPU_SETSIZE; the kernel only
    // reads the mask.
    unsafe {
        let mut mask: libc::cpu_set_t = MaybeUninit::zeroed().assume_init();
        libc::CPU_SET(cpu, &mut mask);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &mask) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_figure_exactly_when_there_are_two_cpus_and_the_caller_keeps_its_placement() {
        let before = allowed_cpus();
        let probe = cache_line_round_trip();
        assert_eq!(allowed_cpus(), before);
        match (probe, before.as_slice()) {
            (Some(probe), &[first, second, ..]) => {
                assert_eq!(probe.cpus, (first, second));
                assert!(probe.nanoseconds.is_finite() && probe.nanoseconds > 0.0);
            }
            // Two CPUs and no figure: a sandbox that forbids placing threads, or a busy machine.
            (None, _) => {}
            (Some(probe), cpus) => panic!("{probe:?} from {cpus:?}"),
        }
    }

    #[test]
    fn one_cpu_has_no_neighbour() {
        let probe = thread::spawn(|| {
            let alone = allowed_cpus().first().is_some_and(|&cpu| pin_this_thread(cpu));
            alone.then(cache_line_round_trip)
        })
        .join()
        .unwrap();
        assert!(probe.is_none_or(|probe| probe.is_none()));
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(Vec::new()), None);
    }
}
