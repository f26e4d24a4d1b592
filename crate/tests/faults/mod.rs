//! Makes chosen system calls of a thread fail, as a kernel under pressure would: a seccomp filter hands
//! each call to a supervisor in another thread, which lets it through or answers an errno.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex, mpsc};

use libc::{
    EACCES, EAGAIN, EBUSY, EINTR, EINVAL, EIO, EMFILE, ENFILE, ENODEV, ENOLCK, ENOMEM, ENOSPC, ENOSYS,
    EOPNOTSUPP, EPERM, EROFS, c_int, c_long, sock_filter, sock_fprog,
};

/// A kind of system call: its number and, where only some are meant, the value of one argument under
/// a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub name: &'static str,
    number: c_long,
    only: Option<(u8, u32, u32)>,
    /// What the kernel may answer; not all of it when it goes on answering so.
    pub once: &'static [c_int],
    pub always: &'static [c_int],
}

const fn kind(name: &'static str, number: c_long, once: &'static [c_int], always: &'static [c_int]) -> Kind {
    Kind { name, number, only: None, once, always }
}

impl Kind {
    const fn only(self, argument: u8, mask: u32, value: u32) -> Kind {
        Kind { only: Some((argument, mask, value)), ..self }
    }
}

/// Every system call that the core makes and that can fail. Not `close`, `munmap` and unlocking, after
/// which there is nothing left to do.
pub const KINDS: &[Kind] = &[
    kind(
        "openat",
        libc::SYS_openat,
        &[EMFILE, ENFILE, ENOMEM, EACCES, EROFS, EINTR],
        &[EMFILE, ENFILE, ENOMEM, EACCES, EROFS],
    ),
    kind("statx", libc::SYS_statx, &[ENOMEM, EACCES, EIO], &[ENOMEM, EACCES, EIO]),
    kind("fallocate", libc::SYS_fallocate, &[ENOSPC, EINTR, EOPNOTSUPP, EIO], &[EOPNOTSUPP, EIO]),
    kind("fchmod", libc::SYS_fchmod, &[EPERM, EIO], &[EPERM, EIO]),
    kind("pread", libc::SYS_pread64, &[EIO, EINTR], &[EIO]),
    kind("read", libc::SYS_read, &[EIO, EINTR], &[EIO]),
    kind("seek", libc::SYS_lseek, &[EINVAL], &[EINVAL]).only(2, u32::MAX, libc::SEEK_SET as u32),
    kind("ask for a lock", libc::SYS_fcntl, &[EINVAL, ENOLCK, EINTR], &[EINVAL, ENOLCK]).only(
        1,
        u32::MAX,
        libc::F_OFD_GETLK as u32,
    ),
    kind("lock", libc::SYS_fcntl, &[EINVAL, ENOLCK, EAGAIN, EINTR], &[EINVAL, ENOLCK]).only(
        1,
        u32::MAX,
        libc::F_OFD_SETLK as u32,
    ),
    kind("linkat", libc::SYS_linkat, &[ENOSPC, EPERM, EIO, ENOMEM], &[EPERM, EIO, ENOMEM]),
    // Anonymous ones belong to the allocator and to threads.
    kind("mmap", libc::SYS_mmap, &[ENOMEM, EPERM, ENODEV], &[ENOMEM, EPERM, ENODEV]).only(
        3,
        libc::MAP_TYPE as u32,
        libc::MAP_SHARED as u32,
    ),
    kind("madvise", libc::SYS_madvise, &[EINVAL, ENOMEM], &[EINVAL, ENOMEM]).only(
        2,
        u32::MAX,
        libc::MADV_DONTFORK as u32,
    ),
    kind("getrandom", libc::SYS_getrandom, &[ENOSYS, EINTR], &[ENOSYS]),
    kind("getrlimit", libc::SYS_prlimit64, &[EINVAL], &[EINVAL]),
    kind("statfs of a file", libc::SYS_fstatfs, &[EIO, EINTR], &[EIO]),
    kind("statfs", libc::SYS_statfs, &[EIO], &[EIO]),
    #[cfg(target_arch = "x86_64")]
    kind("unlink", libc::SYS_unlink, &[EPERM, EIO, EROFS, EBUSY], &[EPERM, EIO, EROFS, EBUSY]),
    kind("unlinkat", libc::SYS_unlinkat, &[EPERM, EIO, EROFS, EBUSY], &[EPERM, EIO, EROFS, EBUSY]),
    kind("getdents", libc::SYS_getdents64, &[EIO, ENOMEM], &[EIO, ENOMEM]),
    kind("close_range", libc::SYS_close_range, &[ENOSYS, ENOMEM], &[ENOSYS, ENOMEM]),
    kind("unshare", libc::SYS_unshare, &[EPERM], &[EPERM]),
    kind("clone3", libc::SYS_clone3, &[EAGAIN, ENOMEM], &[EAGAIN, ENOMEM]),
    kind("membarrier", libc::SYS_membarrier, &[EPERM, ENOSYS], &[EPERM, ENOSYS]),
];

/// What fails.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    Nothing,
    /// The call of that number, counted from 0, with that errno.
    Once(usize, c_int),
    /// Every call of a kind.
    Always(Kind, c_int),
}

#[derive(Default)]
struct Watch {
    fault: Option<Fault>,
    calls: Vec<Kind>,
}

/// The supervision of one thread and those that it starts.
pub struct Faults {
    watch: Arc<Mutex<Watch>>,
}

impl Faults {
    /// Runs `work` in a thread of its own, whose calls can be made to fail. An error: seccomp is
    /// refused here.
    pub fn supervise<T: Send>(work: impl FnOnce(&Faults) -> T + Send) -> io::Result<T> {
        let watch = &Arc::new(Mutex::new(Watch::default()));
        let (send, receive) = mpsc::channel::<OwnedFd>();
        std::thread::scope(|scope| {
            // Before there is a filter: a thread started under one is under it too.
            scope.spawn(move || {
                let Ok(listener) = receive.recv() else { return };
                while answer_one(&listener, watch) {}
            });
            let thread = scope.spawn(move || {
                send.send(install()?).expect("the supervisor waits for it");
                Ok(work(&Faults { watch: watch.clone() }))
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs `work` with this fault; also tells which calls it made.
    pub fn with<T>(&self, fault: Fault, work: impl FnOnce() -> T) -> (T, Vec<Kind>) {
        // Room beforehand: the supervisor should not allocate while a thread is stopped in a call.
        *self.watch.lock().unwrap() = Watch { fault: Some(fault), calls: Vec::with_capacity(4096) };
        let result = work();
        (result, std::mem::take(&mut *self.watch.lock().unwrap()).calls)
    }
}

/// Puts the calling thread under a filter for the rest of its life.
fn install() -> io::Result<OwnedFd> {
    let program = program();
    let filter = sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: the program is alive; both calls change only this thread.
    let listener = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter)
    };
    if listener < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that was just made for us.
    Ok(unsafe { OwnedFd::from_raw_fd(listener as c_int) })
}

fn program() -> Vec<sock_filter> {
    const NUMBER: u32 = 0;
    const fn argument(index: u8) -> u32 {
        16 + 8 * index as u32
    }
    let (load, and) =
        (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, libc::BPF_ALU | libc::BPF_AND | libc::BPF_K);
    let (equal, answer) = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::BPF_RET | libc::BPF_K);
    let step = |code: u32, k: u32| sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let unless = |k: u32, skip: u8| sock_filter { jf: skip, ..step(equal, k) };
    let mut program = Vec::new();
    for kind in KINDS {
        let condition = kind.only.map_or(vec![], |(index, mask, value)| {
            vec![step(load, argument(index)), step(and, mask), unless(value, 1)]
        });
        program.push(step(load, NUMBER));
        program.push(unless(kind.number as u32, condition.len() as u8 + 1));
        program.extend(condition);
        program.push(step(answer, libc::SECCOMP_RET_USER_NOTIF));
    }
    program.push(step(answer, libc::SECCOMP_RET_ALLOW));
    program
}

/// Answers for one call. False: nothing is left under the filter.
fn answer_one(listener: &OwnedFd, watch: &Mutex<Watch>) -> bool {
    let descriptor = listener.as_raw_fd();
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    // SAFETY: one struct, alive.
    unsafe { libc::poll(&raw mut poll, 1, -1) };
    if poll.revents & libc::POLLIN == 0 {
        return poll.revents & libc::POLLHUP == 0;
    }
    // SAFETY: plain structs of integers, for which zero is a value and which the kernel wants zeroed.
    let (mut call, mut response): (libc::seccomp_notif, libc::seccomp_notif_resp) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    // SAFETY: the kernel fills the struct, which is alive.
    if unsafe { libc::ioctl(descriptor, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) } != 0 {
        return true;
    }
    response.id = call.id;
    match decide(&call.data, &mut watch.lock().unwrap()) {
        Some(errno) => response.error = -errno,
        None => response.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
    }
    // SAFETY: the kernel reads the struct, which is alive.
    unsafe { libc::ioctl(descriptor, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const response) };
    true
}

fn decide(data: &libc::seccomp_data, watch: &mut Watch) -> Option<c_int> {
    let fault = watch.fault?;
    let meant = |kind: &&Kind| {
        let argument = |index: u8| data.args[index as usize] as u32;
        c_long::from(data.nr) == kind.number
            && kind.only.is_none_or(|(index, mask, value)| argument(index) & mask == value)
    };
    let kind = *KINDS.iter().find(meant)?;
    let number = watch.calls.len();
    watch.calls.push(kind);
    match fault {
        Fault::Once(which, errno) if which == number => Some(errno),
        Fault::Always(which, errno) if which == kind => Some(errno),
        _ => None,
    }
}
