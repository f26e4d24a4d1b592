//! The two clocks: the time of day, for people, and the time since boot, from which ages are computed.
//!
//! The time of day is set: by a person, by NTP, by a virtual machine that goes on. The time since
//! boot is not, counts while the machine is suspended, and is the same for all its processes but for
//! those in a time namespace of their own, see time_namespaces(7).

use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Milliseconds since boot; 0 where nobody tells.
#[inline]
pub fn boot() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel fills the struct; a clock that it does not know leaves it zero.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    (time.tv_sec as u64).wrapping_mul(1000).wrapping_add(time.tv_nsec as u64 / 1_000_000)
}

/// Which clock [`boot`] reads: the number of this process's time namespace, 0 where there is none.
pub fn namespace() -> u64 {
    static NAMESPACE: OnceLock<u64> = OnceLock::new();
    *NAMESPACE.get_or_init(|| std::fs::metadata("/proc/self/ns/time").map_or(0, |file| file.ino()))
}

/// One moment by both clocks, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub wall: u64,
    /// 0: unknown.
    pub boot: u64,
}

/// Tells moments at the cost of one clock: how far apart the two are is asked once a second.
#[derive(Debug, Default)]
pub struct Clocks {
    /// By how much the time of day is ahead.
    ahead: u64,
    /// Until when, by the time since boot, that is so.
    until: u64,
}

impl Clocks {
    /// How long a step of the time of day stays unseen.
    const KEPT_MS: u64 = 1000;

    #[inline]
    pub fn now(&mut self) -> Moment {
        self.at(boot(), wall)
    }

    #[inline]
    fn at(&mut self, boot: u64, wall: impl FnOnce() -> u64) -> Moment {
        if boot >= self.until {
            self.ahead = wall().wrapping_sub(boot);
            self.until = if boot == 0 { 0 } else { boot.saturating_add(Self::KEPT_MS) };
        }
        Moment { wall: boot.wrapping_add(self.ahead), boot }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_since_boot_goes_on_and_is_known() {
        let before = boot();
        assert!(before > 0);
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(boot() > before);
    }

    #[test]
    fn the_time_of_day_is_asked_once_a_second_and_a_step_of_it_is_followed() {
        let mut clocks = Clocks::default();
        assert_eq!(clocks.at(5000, || 90_000), Moment { wall: 90_000, boot: 5000 });
        assert_eq!(clocks.at(5999, || panic!("asked again")), Moment { wall: 90_999, boot: 5999 });
        assert_eq!(clocks.at(6000, || 70_000), Moment { wall: 70_000, boot: 6000 });
        assert_eq!(clocks.at(6001, || panic!("asked again")), Moment { wall: 70_001, boot: 6001 });
    }

    #[test]
    fn where_nobody_tells_the_time_since_boot_the_time_of_day_is_asked_each_time() {
        let mut clocks = Clocks::default();
        assert_eq!(clocks.at(0, || 90_000), Moment { wall: 90_000, boot: 0 });
        assert_eq!(clocks.at(0, || 90_001), Moment { wall: 90_001, boot: 0 });
    }
}
