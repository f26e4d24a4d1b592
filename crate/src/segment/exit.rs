//! Attachments that are still open when the process ends by `exit`.
//!
//! An attached segment goes with the last who is attached, and who is killed leaves it to the next creator. A
//! program that ends by `exit` without having closed is not killed: the C library calls [`let_go`] then, after
//! all that the program itself wanted to do at its end. Nothing of the segment but the lock is touched, so that
//! threads which still run meanwhile read and write as before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError};
use std::time::Duration;

use super::name::Location;
use super::system::Inode;
use super::unlink::unlink_unattached;
use crate::lock::ByteLock;

unsafe extern "C" {
    /// As `atexit`, for `quick_exit`, by which Bun ends.
    fn at_quick_exit(function: extern "C" fn()) -> libc::c_int;
}

/// What is held for one attachment.
struct Held {
    number: u64,
    lock: ByteLock,
    location: Location,
    inode: Inode,
}

static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());

/// One attachment to a segment of lifetime `Attached`, until this is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Attachment {
    number: u64,
    process: u32,
}

impl Attachment {
    pub fn new(lock: ByteLock, location: &Location, inode: Inode) -> Attachment {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static AT_EXIT: Once = Once::new();
        AT_EXIT.call_once(|| {
            // SAFETY: registers a function that stays: the library is never unmapped (build.rs).
            // Where it is refused for want of memory, the next creator removes what is left.
            let _ = unsafe { (libc::atexit(let_go), at_quick_exit(let_go)) };
        });
        // ORDERING: Relaxed; a number of its own, no more.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        held().push(Held { number, lock, location: location.clone(), inode });
        Attachment { number, process: std::process::id() }
    }

    /// Whether this is a forked child's copy: the child is not attached.
    pub fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if self.is_inherited() {
            return;
        }
        let mut all = held();
        let found = all.iter().position(|held| held.number == self.number);
        let mine = found.map(|index| all.swap_remove(index));
        drop(all);
        drop(mine);
    }
}

fn held() -> MutexGuard<'static, Vec<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets go of every attachment of this process, then removes each segment to which nobody is attached any more.
extern "C" fn let_go() {
    // A panic must not leave a function that C calls. What fails here, the next creator repairs.
    let _ = std::panic::catch_unwind(|| {
        let Some(all) = take_all() else { return };
        // In a forked child they are still its parent's. To drop its copies changes nothing.
        let own = all.into_iter().filter(|held| !held.lock.is_inherited());
        let places: Vec<_> = own.map(|Held { location, inode, .. }| (location, inode)).collect();
        // Only now: this process may have been attached to one segment more than once.
        for (location, inode) in places {
            let _ = unlink_unattached(&location, inode);
        }
    });
}

/// Other threads hold the list for an instant. In a child that was forked just then nobody ever gives it back.
fn take_all() -> Option<Vec<Held>> {
    for _ in 0..100 {
        match HELD.try_lock() {
            Ok(mut all) => return Some(std::mem::take(&mut *all)),
            Err(TryLockError::Poisoned(all)) => return Some(std::mem::take(&mut *all.into_inner())),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    None
}
