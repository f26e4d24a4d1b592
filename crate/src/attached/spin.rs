//! Waiting without sleeping: first busily, then giving the core away, for a bounded time.

use std::time::{Duration, Instant};

/// Looks before the clock is read, one to two microseconds of them. In a conversation the answer comes
/// within that, and each reading of the clock is a time in which nobody looks. NB: `roundtrip` of
/// bench/run.mjs.
const FIRST_LOOKS: u32 = 64;
/// Looks between two readings of the clock.
const LOOKS: u32 = 16;

/// Looks until `look` answers something or `limit` has passed: the first half of the time in a busy
/// loop, unless it is `crowded`, and then yielding the core after every look.
pub fn spin<T, E>(
    limit: Duration,
    crowded: impl FnOnce() -> bool,
    mut look: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    if limit.is_zero() {
        return Ok(None);
    }
    for _ in 0..FIRST_LOOKS {
        if let Some(answer) = look()? {
            return Ok(Some(answer));
        }
        std::hint::spin_loop();
    }
    let start = Instant::now();
    let busy = if crowded() { Duration::ZERO } else { limit / 2 };
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const SHORT: Duration = Duration::from_millis(1);

    /// How often `spin` looked, and whether it asked for the crowd, where the answer is there by the
    /// look of number `at`.
    fn looks(limit: Duration, at: u32) -> (u32, bool, Option<u32>) {
        let (mut looks, mut asked) = (0, false);
        let crowded = || {
            asked = true;
            false
        };
        let answer = spin(limit, crowded, || {
            looks += 1;
            Ok::<_, Infallible>((looks == at).then_some(looks))
        });
        (looks, asked, answer.unwrap())
    }

    #[test]
    fn who_may_not_wait_at_all_does_not_look() {
        assert_eq!(looks(Duration::ZERO, 1), (0, false, None));
    }

    #[test]
    fn an_answer_that_comes_at_once_costs_neither_a_clock_nor_a_count_of_the_crowd() {
        assert_eq!(looks(SHORT, 1), (1, false, Some(1)));
        assert_eq!(looks(SHORT, FIRST_LOOKS), (FIRST_LOOKS, false, Some(FIRST_LOOKS)));
    }

    #[test]
    fn a_later_answer_is_found_and_a_missing_one_is_given_up() {
        let later = FIRST_LOOKS + LOOKS + 1;
        assert_eq!(looks(Duration::from_secs(60), later), (later, true, Some(later)));
        let (looks, asked, answer) = looks(SHORT, u32::MAX);
        assert!(looks > FIRST_LOOKS && asked && answer.is_none());
    }
}
