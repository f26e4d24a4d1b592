//! Seccomp filters: system calls that a thread, and those that it starts, may no longer make.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io;

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

fn instruction(code: u16, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// From here on, each of these calls of the current thread fails with `errno`.
pub fn refuse(calls: &[Call], errno: i32) -> io::Result<()> {
    let answer = instruction(RETURN, ERRNO | errno as u32, 0, 0);
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
        program.push(answer);
    }
    program.push(instruction(RETURN, ALLOW, 0, 0));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program is alive; the kernel checks and copies it.
    let installed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) == 0
    };
    if installed { Ok(()) } else { Err(io::Error::last_os_error()) }
}
