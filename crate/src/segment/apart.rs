//! A moment with descriptors of one's own, which no other thread can close or hand to a child.

use super::signals::without_signals;
use crate::error::Result;

/// Enough for a few system calls and their errors.
const STACK: usize = 128 << 10;
const CLOSE_RANGE_UNSHARE: libc::c_uint = 2;

/// Runs `work` in a thread that shares the memory but not the descriptors of this process. What it
/// opens is in no table that a fork or spawn by another thread copies: a child that starts just
/// then would keep the description, and its locks, until it runs another program or ends.
///
/// Where the kernel or a sandbox refuses, the work is done with the shared descriptors: then such a
/// child makes an owner look alive for longer, no more.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let mut work = Some(work);
    let done = std::thread::scope(|scope| {
        let in_thread = || {
            leave_table();
            work.take().map(|work| work())
        };
        // A signal handler that writes to a descriptor of the process must not run in there.
        let thread = without_signals(|| {
            std::thread::Builder::new()
                .name("shmring-lock".into())
                .stack_size(STACK)
                .spawn_scoped(scope, in_thread)
        });
        match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // No further thread, as at a limit of processes.
            Err(_) => None,
        }
    });
    match (done, work) {
        (Some(done), _) => done,
        (None, Some(work)) => work(),
        (None, None) => unreachable!("a thread that took the work has done it"),
    }
}

fn leave_table() {
    let (first, last) = (0 as libc::c_uint, libc::c_uint::MAX);
    // SAFETY: closes the copies in a table that becomes this thread's own in the same call. It
    // either does both or nothing; kernels before 5.9 do not know it.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, CLOSE_RANGE_UNSHARE) } != 0 {
        // SAFETY: as above, with copies that go with the thread. May be refused.
        let _ = unsafe { libc::unshare(libc::CLONE_FILES) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::signals::tests::{USUAL, blocked};
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn what_is_opened_apart_is_in_no_table_but_its_own() {
        let link = apart(|| {
            let file = std::fs::File::open("/proc/self/stat").unwrap();
            let entries = std::fs::read_dir("/proc/thread-self/fd").unwrap().count();
            assert_eq!(entries, 2, "the file and the directory that is being read");
            // The leader's descriptor of that number is another file, or none.
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            Ok(std::fs::read_link(path).ok())
        });
        let link = link.unwrap();
        assert!(!link.is_some_and(|link| link.ends_with("stat")));
    }

    #[test]
    fn no_signal_is_handled_apart_and_the_mask_is_as_before() {
        let before = blocked();
        let inside = apart(|| Ok(blocked())).unwrap();
        assert_eq!(inside & USUAL, USUAL);
        assert_eq!(blocked(), before);
    }
}
