//! What is tried with the layout of a ring, each variant beside the yardstick in the same loop. What
//! came of it: docs/performance.md.

pub mod area;
pub mod bytes;
pub mod cases;
pub mod chain;
pub mod descriptors;
pub mod round_trip;
pub mod shapes;
pub mod sides;
pub mod stamped;
#[cfg(test)]
mod tests;
pub mod throughput;

use std::time::{Duration, Instant};

use crate::pace::place;

/// Bytes of every ring's data.
pub const CAPACITY: usize = 1 << 20;

/// How a consumer waits that has found nothing.
#[derive(Clone, Copy, PartialEq)]
pub enum Lag {
    /// It lets the producers get ahead for that long; zero: it polls at once.
    Always(Duration),
    /// The same, but only when it has drained more than one record since it found nothing last.
    AfterBurst(Duration),
}

impl Lag {
    pub const NONE: Lag = Lag::Always(Duration::ZERO);

    /// How long to wait now, after `burst` records.
    #[inline]
    pub fn after(self, burst: usize) -> Duration {
        match self {
            Lag::AfterBurst(_) if burst <= 1 => Duration::ZERO,
            Lag::Always(lag) | Lag::AfterBurst(lag) => lag,
        }
    }
}

/// What is measured for how long: by the clock, since variants differ much where cores are far.
#[derive(Clone, Copy)]
pub struct Run {
    pub producers: usize,
    /// Bytes of a record, 16 at least.
    pub size: usize,
    pub lag: Lag,
    pub warm_up: Duration,
    pub timed: Duration,
    /// A CPU for the first producer and one for the consumer; `None`: the scheduler decides.
    pub pin: Option<(usize, usize)>,
}

impl Run {
    fn place_producer(&self) {
        self.pin.inspect(|pin| place(pin.0));
    }

    fn place_consumer(&self) {
        self.pin.inspect(|pin| place(pin.1));
    }
}

/// Steps between two looks at the clock.
const STEPS: usize = 32;

/// Steps until `time` has passed; the time it took in nanoseconds, and what the steps returned in sum.
#[inline]
fn steps_for(time: Duration, mut step: impl FnMut() -> usize) -> (f64, usize) {
    let (start, mut count) = (Instant::now(), 0);
    loop {
        for _ in 0..STEPS {
            count += step();
        }
        let elapsed = start.elapsed();
        if elapsed >= time {
            return (elapsed.as_nanos() as f64, count);
        }
    }
}
