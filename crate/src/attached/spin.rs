//! Waiting without sleeping: first busily, then giving the core away, for a bounded time.

use std::time::{Duration, Instant};

/// Looks between two readings of the clock.
const LOOKS: u32 = 16;

/// Looks until `look` answers something or `limit` has passed: the first half of the time in a busy
/// loop, unless it is `crowded`, and then yielding the core after every look.
pub fn spin<T, E>(
    limit: Duration,
    crowded: bool,
    mut look: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    if limit.is_zero() {
        return Ok(None);
    }
    let start = Instant::now();
    let busy = if crowded { Duration::ZERO } else { limit / 2 };
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
