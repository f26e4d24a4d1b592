//! The asymmetric barrier: `fence(SeqCst)` for two parties at the cost of one.
//!
//! A publisher looks for a sleeper after every record, a sleeper announces itself once a sleep.
//! Both need a full fence between their store and their look, and a full fence makes the publisher
//! wait until its stores have reached the other core: NB: bench/native `--fence`, docs/memory-model.md.
//! The system call membarrier(2) moves that cost to the sleeper: it makes every core that runs a
//! thread of a registered process execute a full barrier, so a publisher needs only to keep the
//! compiler from reordering (the technique of liburcu and of folly's asymmetric barrier).

use std::sync::OnceLock;
use std::sync::atomic::{Ordering, compiler_fence, fence};

const CMD_GLOBAL_EXPEDITED: libc::c_int = 1 << 1;
const CMD_REGISTER_GLOBAL_EXPEDITED: libc::c_int = 1 << 2;

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: membarrier takes no pointers.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Whether this process takes part in expedited barriers, now and for its whole life.
pub fn registered() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    // A kernel without it (before 4.16) or a sandbox that forbids it says no to both.
    *REGISTERED.get_or_init(|| membarrier(CMD_REGISTER_GLOBAL_EXPEDITED) && membarrier(CMD_GLOBAL_EXPEDITED))
}

/// The cheap half, for a process that is [`registered`].
#[inline]
pub fn light() {
    // ORDERING: SeqCst for the compiler; the processor's part is done by barrier::heavy.
    compiler_fence(Ordering::SeqCst);
}

/// The dear half. False: the system call does not work (any more), this was only a fence, the publishers must
/// use one too, and what is seen now of those who have not begun to may be old: attached::fenced.
#[must_use]
pub fn heavy() -> bool {
    // ORDERING: SeqCst; orders this thread's own store and look. Partner: barrier::light.
    fence(Ordering::SeqCst);
    let everywhere = membarrier(CMD_GLOBAL_EXPEDITED);
    fence(Ordering::SeqCst);
    everywhere
}
