//! Locks that tell who lives: OFD byte-range locks on the segment's own file, which the kernel
//! drops when their owner is gone, whatever killed it.
//!
//! An OFD lock belongs to a *description* (what `open` makes and descriptors point at), is freed
//! with it, and never conflicts with itself. Three things follow.
//!
//! 1. Each lock has a description of its own, opened for it.
//! 2. That description is kept by **one mapped page and nothing else**. A descriptor could be
//!    closed by any code in the process that has its number, and a forked child would inherit it
//!    and keep the lock after its parent's death; a page with `MADV_DONTFORK` does neither. The
//!    descriptor exists only while the lock is being taken, where nobody else sees it ([`apart`]).
//!    (A fork by another thread between the mapping of the page and the advice, about a
//!    microsecond, keeps the lock until that child runs another program or ends: a delay.)
//! 3. Whether a lock is held is asked with `F_OFD_GETLK`, through a description that never holds
//!    one. Asking by taking would make a false "busy" for whoever attaches meanwhile, and asking
//!    through the holder says "free".

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use crate::error::{Code, Error, Result};
use crate::mapping::Pin;
use crate::segment::Segment;
use crate::segment::apart::apart;
use crate::segment::system::{Description, Inode, failure, reopen, retry};

/// Whether somebody holds a lock. Only "alive" may ever be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    Alive,
    Dead,
}

/// Asks whether somebody holds the lock of the byte at an offset.
pub type Probe<'a> = dyn Fn(usize) -> Result<Liveness> + 'a;

/// A lock on one byte, held until this is dropped or the process is gone.
#[derive(Debug)]
pub struct ByteLock {
    pin: Pin,
}

impl ByteLock {
    /// Locks the byte at `at` for one owner. `None`: somebody holds it.
    pub fn try_exclusive(segment: &Segment, at: usize) -> Result<Option<ByteLock>> {
        segment.with_file(|file| ByteLock::take(file, segment.inode(), at, Share::Exclusive))
    }

    /// Locks the byte at `at` together with others. `None`: somebody holds it for himself.
    pub fn try_shared(segment: &Segment, at: usize) -> Result<Option<ByteLock>> {
        segment.with_file(|file| ByteLock::take(file, segment.inode(), at, Share::Shared))
    }

    /// Takes a lock on the file of `base`, whose own description holds none.
    pub(crate) fn take(base: &File, inode: Inode, at: usize, share: Share) -> Result<Option<ByteLock>> {
        let Some(pin) = apart(|| pinned(base, inode, at, share))? else { return Ok(None) };
        let lock = ByteLock { pin };
        // Now that the descriptor is gone: this also shows that the page keeps the lock.
        verify(base, at)?;
        Ok(Some(lock))
    }

    /// Whether this is a forked child's copy of its parent's lock, which the child does not hold.
    pub(crate) fn is_inherited(&self) -> bool {
        self.pin.is_inherited()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    Shared,
    Exclusive,
}

/// Opens, locks and pins. The descriptor does not outlive the call.
fn pinned(base: &File, inode: Inode, at: usize, share: Share) -> Result<Option<Pin>> {
    let doing = "cannot open the segment for a lock";
    let own = reopen(base, true).map_err(|error| failure("open", &error, doing))?;
    // Marked, so that a number which was closed and reused under us is noticed.
    let own = Description::adopt(own)?;
    same_inode(own.file(), inode)?;
    if !try_lock(own.file(), at, share)? {
        return Ok(None);
    }
    let pin = Pin::new(own.file()).inspect_err(|_| unlock(own.file(), at))?;
    if own.intact() { Ok(Some(pin)) } else { Err(stolen()) }
}

/// A file system or sandbox may take locks and not show them, or drop them with the descriptor.
fn verify(base: &File, at: usize) -> Result<()> {
    match probe(base, at)? {
        Liveness::Alive => Ok(()),
        Liveness::Dead => Err(Error::new(
            Code::Unsupported,
            "a lock on the segment's file is not seen by others, so nobody could tell who lives; \
             use a tmpfs such as /dev/shm and a kernel with OFD locks",
        )),
    }
}

/// Whether anybody holds a lock on the byte at `at`; `file` must never hold one itself.
pub(crate) fn probe(file: &File, at: usize) -> Result<Liveness> {
    let mut request = request(libc::F_WRLCK, at);
    control(file, libc::F_OFD_GETLK, &mut request).map_err(unavailable)?;
    Ok(if request.l_type == libc::F_UNLCK as libc::c_short { Liveness::Dead } else { Liveness::Alive })
}

/// Locks through this descriptor's description, for as long as that lives. False: somebody holds a
/// lock that conflicts.
pub(crate) fn try_lock(file: &File, at: usize, share: Share) -> Result<bool> {
    let kind = match share {
        Share::Shared => libc::F_RDLCK,
        Share::Exclusive => libc::F_WRLCK,
    };
    match control(file, libc::F_OFD_SETLK, &mut request(kind, at)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(unavailable(error)),
    }
}

/// Unlocks what [`try_lock`] locked. Closing alone would leave it to a forked child.
pub(crate) fn unlock(file: &File, at: usize) {
    // Nothing is lost when this fails: the description is about to be closed.
    let _ = control(file, libc::F_OFD_SETLK, &mut request(libc::F_UNLCK, at));
}

fn request(kind: libc::c_int, at: usize) -> libc::flock {
    // SAFETY: a plain struct of integers, for which zero is a value.
    let mut request: libc::flock = unsafe { std::mem::zeroed() };
    request.l_type = kind as libc::c_short;
    request.l_whence = libc::SEEK_SET as libc::c_short;
    request.l_start = at as libc::off_t;
    request.l_len = 1;
    request
}

fn control(file: &File, command: libc::c_int, request: &mut libc::flock) -> io::Result<()> {
    // SAFETY: the kernel reads and writes one flock, which the reference keeps alive.
    retry(|| unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut *request) }).map(drop)
}

fn unavailable(error: io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP) => Error::new(
            Code::Unsupported,
            "this kernel or file system has no OFD locks, without which nobody could tell who \
             lives; use Linux and a tmpfs such as /dev/shm",
        )
        .with("syscall", "fcntl")
        .with("errno", error.raw_os_error().unwrap_or(0).unsigned_abs()),
        _ => failure("fcntl", &error, "cannot lock the segment"),
    }
}

/// A new description must be of the inode that was meant, whatever its number was opened through.
pub(crate) fn same_inode(file: &File, inode: Inode) -> Result<()> {
    let found = file.metadata().map_err(|error| failure("fstat", &error, "cannot look at the segment"))?;
    if Inode::of(&found) == inode { Ok(()) } else { Err(stolen()) }
}

/// Code elsewhere in this process closed a descriptor that was not its own.
pub(crate) fn stolen() -> Error {
    Error::new(
        Code::System,
        "a file descriptor of this ring was closed by other code in this process; look for a \
         double close, then open the ring again",
    )
    .with("syscall", "fcntl")
    .with("errno", libc::EBADF as u32)
}
