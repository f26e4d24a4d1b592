//! A moment in which this thread handles no signal.

use std::mem::MaybeUninit;

/// Runs `work` with every signal blocked that can be; they are handled afterwards.
pub(crate) fn without_signals<T>(work: impl FnOnce() -> T) -> T {
    // The guard restores the mask when `work` panics too.
    let _blocked = Blocked::new();
    work()
}

/// The mask as it was. `None`: it could not be changed.
struct Blocked(Option<libc::sigset_t>);

impl Blocked {
    fn new() -> Blocked {
        let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: the first call fills `all`, the second `before`; both point to sets that are alive.
        Blocked(unsafe {
            libc::sigfillset(all.as_mut_ptr());
            let status = libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            (status == 0).then(|| before.assume_init())
        })
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: a set that the kernel filled; the old mask is not wanted.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The signals that this thread blocks, as the kernel tells.
    pub(crate) fn blocked() -> u64 {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("SigBlk")).unwrap();
        u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
    }

    pub(crate) const USUAL: u64 = 1 << (libc::SIGTERM - 1) | 1 << (libc::SIGPROF - 1);

    #[test]
    fn no_signal_is_handled_meanwhile_and_the_mask_is_as_before_even_after_a_panic() {
        let before = blocked();
        assert_eq!(without_signals(blocked) & USUAL, USUAL);
        assert_eq!(blocked(), before);
        let panicked = std::panic::catch_unwind(|| without_signals(|| panic!("on purpose")));
        assert!(panicked.is_err());
        assert_eq!(blocked(), before);
    }
}
