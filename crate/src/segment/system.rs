//! System calls and their failures, and descriptors whose number other code may take away.

use std::fs::{File, OpenOptions};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::error::{Code, Error, Result};

/// Repeats a system call that a signal interrupted; -1 becomes the error.
pub(crate) fn retry<T: PartialEq + From<i8>>(mut call: impl FnMut() -> T) -> io::Result<T> {
    loop {
        let result = call();
        if result != T::from(-1) {
            return Ok(result);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// The error for a failed call, with a sentence that says what to do about it.
pub(crate) fn failure(syscall: &'static str, error: &io::Error, doing: &str) -> Error {
    let errno = error.raw_os_error().unwrap_or(0);
    let shortage;
    let (code, advice) = match errno {
        libc::EPERM if !takes_path(syscall) => (
            Code::Unsupported,
            "a sandbox forbids this call; allow it, in a container by its seccomp profile",
        ),
        libc::EACCES | libc::EPERM => {
            (Code::Permission, "check the owner and mode of the file and of its directory, and the sandbox")
        }
        libc::EROFS => (Code::Permission, "the file system is read-only; choose another directory"),
        libc::ENOENT | libc::ENOTDIR if !has_proc() => (
            Code::Unsupported,
            "/proc is not mounted, or belongs to another pid namespace; mount the one of this namespace",
        ),
        libc::ENOENT | libc::ENOTDIR => (Code::NotFound, "check that the directory exists"),
        libc::EMFILE => {
            (Code::System, "this process has no free file descriptor; close some or raise `ulimit -n`")
        }
        libc::ENFILE => (Code::System, "the system has no free file descriptor; raise fs.file-max"),
        libc::ENOMEM => {
            shortage = super::shortage::advice();
            (Code::System, shortage.as_str())
        }
        libc::ENOSPC | libc::EDQUOT => (Code::NoSpace, "free some space or choose another directory"),
        libc::ENOSYS | libc::EOPNOTSUPP => (
            Code::Unsupported,
            "the kernel, the file system or a sandbox does not offer it; use a tmpfs such as /dev/shm",
        ),
        _ => (Code::System, "this is not expected"),
    };
    Error::new(code, format!("{doing}: {syscall} failed: {error}; {advice}"))
        .with("syscall", syscall)
        .with("errno", errno.unsigned_abs())
}

/// Whether a call may be refused because of the file that it names. On what is open already, only a
/// sandbox says `EPERM`.
fn takes_path(syscall: &str) -> bool {
    matches!(syscall, "open" | "linkat" | "lstat" | "unlink" | "readdir")
}

/// Whether this process finds itself in /proc, through which files are opened again and named.
fn has_proc() -> bool {
    std::fs::symlink_metadata("/proc/self/fd").is_ok()
}

/// Which file, whatever its name is by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inode {
    device: u64,
    number: u64,
}

impl Inode {
    pub fn of(metadata: &std::fs::Metadata) -> Inode {
        Inode { device: metadata.dev(), number: metadata.ino() }
    }

    /// The file to which a path leads without following a symlink at its end.
    pub fn at(path: &Path) -> io::Result<Inode> {
        std::fs::symlink_metadata(path).map(|metadata| Inode::of(&metadata))
    }
}

/// A random number from the kernel.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    // SAFETY: the pointer and the length are those of the array.
    let got = retry(|| unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), N, 0) })
        .map_err(|error| failure("getrandom", &error, "cannot make a random identity"))?;
    // The kernel gives requests of up to 256 bytes whole.
    if got as usize == N {
        Ok(bytes)
    } else {
        Err(Error::new(Code::System, "getrandom gave fewer bytes than asked for"))
    }
}

/// A path held open without opening the file: it cannot block on a FIFO, wake a device or follow a
/// symlink, and from here on nobody can swap the file for another.
pub(crate) fn hold(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC).open(path)
}

/// Opens the file of a descriptor once more: a description of its own, of the same inode even when
/// the name leads elsewhere by now.
pub(crate) fn reopen(file: &File, writable: bool) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(writable)
        .custom_flags(libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(proc_path(file))
}

/// The link under /proc that leads to the file of a descriptor.
pub(crate) fn proc_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// A long-lived descriptor in a process where other code may close any number and have it reused.
///
/// It carries a mark: the file position of its description, a random number that nothing else has.
/// Whoever finds the mark under the number *after* a call knows which description the call went
/// to. The inode alone would not do: a number that was closed may have become the description of a
/// lock on the same file, and a lock never conflicts with itself.
#[derive(Debug)]
pub(crate) struct Description {
    file: ManuallyDrop<File>,
    mark: i64,
    owned: bool,
}

impl Description {
    pub fn adopt(file: File) -> Result<Description> {
        // 43 bits: within the largest file of every file system (ext4: 2^44), and never near 0.
        let mark = (i64::from_ne_bytes(random()?) & ((1 << 42) - 1)) | (1 << 42);
        // SAFETY: a call on an open descriptor; it touches no memory.
        retry(|| unsafe { libc::lseek64(file.as_raw_fd(), mark, libc::SEEK_SET) })
            .map_err(|error| failure("lseek", &error, "cannot mark a descriptor"))?;
        Ok(Description { file: ManuallyDrop::new(file), mark, owned: true })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Another handle of the same number, which closes nothing. It may come to lead elsewhere at any time:
    /// what is learnt through it counts only if it is intact afterwards.
    pub fn borrow(&self) -> Description {
        // SAFETY: the number is open now; ours to close is only that of the original.
        let file = unsafe { File::from_raw_fd(self.file.as_raw_fd()) };
        Description { file: ManuallyDrop::new(file), mark: self.mark, owned: false }
    }

    /// Whether the number still leads to the description that was adopted.
    pub fn intact(&self) -> bool {
        // SAFETY: asking for the position changes nothing, whatever the number leads to.
        let position = retry(|| unsafe { libc::lseek64(self.file.as_raw_fd(), 0, libc::SEEK_CUR) });
        matches!(position, Ok(position) if position == self.mark)
    }
}

impl Drop for Description {
    fn drop(&mut self) {
        // Somebody else's file under our number is left alone.
        if self.owned && self.intact() {
            // SAFETY: dropped once, here.
            unsafe { ManuallyDrop::drop(&mut self.file) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{FromRawFd, IntoRawFd};

    #[test]
    fn a_description_whose_number_was_reused_is_not_intact_and_leaves_the_stranger_alone() {
        let description = Description::adopt(File::open("/proc/self/exe").unwrap()).unwrap();
        assert!(description.intact());
        let number = description.file().as_raw_fd();
        let stranger = File::open("/proc/self/exe").unwrap().into_raw_fd();
        // SAFETY: stands for foreign code that closes a number and gets it back for its own file.
        unsafe { assert_eq!(libc::dup2(stranger, number), number) };
        assert!(!description.intact());
        drop(description);
        // SAFETY: asks only.
        unsafe { assert_ne!(libc::fcntl(number, libc::F_GETFD), -1) };
        // SAFETY: both numbers are open and belong to this test.
        unsafe {
            drop(File::from_raw_fd(number));
            drop(File::from_raw_fd(stranger));
        }
    }
}
