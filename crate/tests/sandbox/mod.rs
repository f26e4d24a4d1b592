//! Seccomp filters: system calls that a thread, and those that it starts, may no longer make.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Which uses of a system call are refused.
#[derive(Debug, Clone, Copy)]
pub enum Uses {
    All,
    /// Those whose argument of that index has this value in its low half.
    With(usize, u32),
    /// All the others.
    Without(usize, u32),
}

/// A system call by its number.
pub type Call = (libc::c_long, Uses);

const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
const NUMBER: u32 = 0;
const ARGUMENTS: u32 = 16;
const NOTIFY: u32 = 0x7fc0_0000;
const SET_MODE_FILTER: libc::c_ulong = 1;
const NEW_LISTENER: libc::c_ulong = 1 << 3;
/// `_IOWR('!', 0, struct seccomp_notif)` and `_IOWR('!', 1, struct seccomp_notif_resp)`.
const RECEIVE: libc::Ioctl = 0xc050_2100_u32 as libc::Ioctl;
const SEND: libc::Ioctl = 0xc018_2101_u32 as libc::Ioctl;
/// In the upper half of a word, behind the error.
const GO_ON: u64 = 1;

fn instruction(code: u16, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// From here on, each of these calls of the current thread fails with `errno`.
pub fn refuse(calls: &[Call], errno: i32) -> io::Result<()> {
    install(calls, ERRNO | errno as u32, 0).map(drop)
}

/// From here on, each of these calls of the current thread waits until [`Watcher::let_go`].
pub fn watch(calls: &[Call]) -> io::Result<Watcher> {
    let descriptor = install(calls, NOTIFY, NEW_LISTENER)?;
    // SAFETY: the kernel has just opened it for us.
    Ok(Watcher(unsafe { OwnedFd::from_raw_fd(descriptor) }))
}

fn install(calls: &[Call], answer: u32, flags: libc::c_ulong) -> io::Result<libc::c_int> {
    let mut program = Vec::new();
    for &(number, uses) in calls {
        program.push(instruction(LOAD, NUMBER, 0, 0));
        let number = number as u32;
        match uses {
            Uses::All => program.push(instruction(JUMP_IF_EQUAL, number, 0, 1)),
            Uses::With(index, value) | Uses::Without(index, value) => {
                let (jt, jf) = if matches!(uses, Uses::With(..)) { (0, 1) } else { (1, 0) };
                program.push(instruction(JUMP_IF_EQUAL, number, 0, 3));
                program.push(instruction(LOAD, ARGUMENTS + 8 * index as u32, 0, 0));
                program.push(instruction(JUMP_IF_EQUAL, value, jt, jf));
            }
        }
        program.push(instruction(RETURN, answer, 0, 0));
    }
    program.push(instruction(RETURN, ALLOW, 0, 0));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program is alive; the kernel checks and copies it.
    let installed = unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 {
            libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, flags, &raw const filter)
        } else {
            -1
        }
    };
    if installed < 0 { Err(io::Error::last_os_error()) } else { Ok(installed as libc::c_int) }
}

/// Sees the calls that [`watch`] holds up.
pub struct Watcher(OwnedFd);

impl Watcher {
    /// Waits for a call; what tells it from others, and the thread that makes it.
    pub fn next(&self) -> io::Result<(u64, u32)> {
        // `struct seccomp_notif`: id, thread, flags, and the call with its arguments.
        let mut notice = [0_u64; 10];
        // SAFETY: the kernel fills a struct of this size.
        if unsafe { libc::ioctl(self.0.as_raw_fd(), RECEIVE, notice.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((notice[0], notice[1] as u32))
    }

    /// Lets a call go on as if nobody had looked.
    pub fn let_go(&self, id: u64) -> io::Result<()> {
        // `struct seccomp_notif_resp`: id, result, error and flags.
        let answer = [id, 0, GO_ON << 32];
        // SAFETY: the kernel reads a struct of this size.
        if unsafe { libc::ioctl(self.0.as_raw_fd(), SEND, answer.as_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}
