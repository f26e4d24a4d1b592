//! Memory that a child process made by `fork` shares with its parent.

use std::io::{Error, Result};
use std::ptr::{NonNull, null_mut};

use crate::ring::{Region, region_bytes};

/// Memory in an anonymous file of the tmpfs kind, as /dev/shm is one, zeroed, with every page
/// present. It is never unmapped: the process ends soon after.
pub fn map(bytes: usize) -> Result<NonNull<u8>> {
    // SAFETY: plain system calls on a descriptor of our own; the name is a C string.
    let base = unsafe {
        let file = libc::memfd_create(c"shmring-bench".as_ptr(), libc::MFD_CLOEXEC);
        if file < 0 || libc::ftruncate(file, bytes as libc::off_t) != 0 {
            return Err(Error::last_os_error());
        }
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        let base = libc::mmap(null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, file, 0);
        libc::close(file);
        base
    };
    if base == libc::MAP_FAILED {
        return Err(Error::last_os_error());
    }
    Ok(NonNull::new(base.cast()).expect("a mapping is not at zero"))
}

/// A ring's memory.
pub fn region(capacity: usize) -> Result<Region> {
    let base = map(region_bytes(capacity))?;
    // SAFETY: a fresh zeroed mapping of that many bytes that stays for ever.
    Ok(unsafe { Region::new(base, capacity) })
}

/// Runs `child` in a process of its own that ends with it, and with its parent.
pub fn fork(child: impl FnOnce()) -> Result<Child> {
    // SAFETY: this process has one thread, so that the child may go on as usual; it ends by
    // `_exit`, without running what belongs to the parent.
    unsafe {
        match libc::fork() {
            -1 => Err(Error::last_os_error()),
            0 => {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                child();
                libc::_exit(0)
            }
            pid => Ok(Child(pid)),
        }
    }
}

pub struct Child(libc::pid_t);

impl Child {
    pub fn wait(self) {
        // SAFETY: our own child, waited for once.
        unsafe { libc::waitpid(self.0, null_mut(), 0) };
    }
}
