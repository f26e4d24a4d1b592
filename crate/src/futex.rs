//! Sleeping on a word of shared memory and waking who sleeps there.

use std::ptr;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Sleeps while `*word == expected`, until woken or for at most `limit`. Returns early at will.
pub fn wait(word: &AtomicU32, expected: u32, limit: Duration) {
    let timeout = libc::timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    // SAFETY: `word` is a live, aligned futex word and `timeout` outlives the call. Without
    // FUTEX_PRIVATE_FLAG, since the other side is another process.
    let status = unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, &raw const timeout)
    };
    if status == 0 {
        return;
    }
    let errno = std::io::Error::last_os_error().raw_os_error();
    if !matches!(errno, Some(libc::EAGAIN | libc::EINTR | libc::ETIMEDOUT)) {
        // A sandbox that forbids futexes between processes: a nap, after which the caller looks.
        std::thread::sleep(limit);
    }
}

/// Wakes everybody who sleeps on `word`. A failure is no failure of the caller's: sleepers look
/// again by themselves after a slice.
pub fn wake(word: &AtomicU32) {
    // SAFETY: the kernel only uses the address; an unmapped one would give EFAULT.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE,
            i32::MAX,
            ptr::null::<libc::timespec>(),
        );
    }
}
