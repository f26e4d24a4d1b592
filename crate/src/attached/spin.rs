//! Waiting without sleeping: first busily, then giving the core away, for a bounded time.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Looks between two readings of the clock.
const LOOKS: u32 = 16;

/// On one core the other side cannot make progress while this one spins.
fn alone() -> bool {
    static ALONE: OnceLock<bool> = OnceLock::new();
    *ALONE.get_or_init(|| std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1))
}

/// Looks until `look` answers something or `limit` has passed: the first half of the time in a busy
/// loop, the second yielding the core after every look.
pub fn spin<T, E>(limit: Duration, mut look: impl FnMut() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
    if limit.is_zero() {
        return Ok(None);
    }
    let start = Instant::now();
    let busy = if alone() { Duration::ZERO } else { limit / 2 };
    loop {
        let passed = start.elapsed();
        if passed >= limit {
            return Ok(None);
        }
        let looks = if passed < busy { LOOKS } else { 1 };
        for _ in 0..looks {
            if let Some(answer) = look()? {
                return Ok(Some(answer));
            }
            std::hint::spin_loop();
        }
        if passed >= busy {
            std::thread::yield_now();
        }
    }
}
