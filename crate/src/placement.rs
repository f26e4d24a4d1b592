//! Where and how the calling thread runs: on which CPUs, and whether before everybody else.
//!
//! By bare system calls: musl's functions for schedulers only say that there are none.

use std::io;

use crate::error::{Code, Error, Result};
use crate::segment::signals::without_signals;
use crate::segment::system::{failure, retry};

/// How a thread runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The CPUs that it may run on, ascending.
    pub cpus: Vec<u32>,
    /// Its real-time priority, 1 to 99; 0 for an ordinary thread.
    pub realtime: u32,
}

/// What is to be changed; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct PlacementOptions {
    pub cpus: Option<Vec<u32>>,
    pub realtime: Option<u32>,
}

pub const MAX_PRIORITY: u32 = 99;

/// Not in every C library's headers.
const SCHED_RESET_ON_FORK: libc::c_int = 0x4000_0000;
/// More CPUs than any kernel is built for.
const MAX_CPUS: usize = 1 << 14;

/// Changes how the calling thread runs, or throws and changes nothing. Returns how it ran before, which
/// undoes it when it is asked for.
///
/// A real-time thread runs round robin (`SCHED_RR`) and not first in, first out: two that spin for each
/// other with the same priority on one CPU then share it, where under `SCHED_FIFO` the first would wait
/// for ever for what the second may not begin. What it starts is ordinary again.
pub fn place_thread(wanted: &PlacementOptions) -> Result<Placement> {
    let (cpus, scheduler) = (Cpus::of_thread()?, Scheduler::of_thread()?);
    let before = Placement { cpus: cpus.list(), realtime: scheduler.realtime() };
    let wanted_cpus = wanted.cpus.as_deref().map(|list| cpus.allowed(list)).transpose()?;
    if let Some(priority) = wanted.realtime {
        scheduler.with(priority)?.set().map_err(|error| unscheduled(&error, priority))?;
    }
    if let Some(cpus) = wanted_cpus
        && let Err(error) = cpus.set()
    {
        if wanted.realtime.is_some() {
            scheduler.restore();
        }
        return Err(failure("sched_setaffinity", &error, "cannot move this thread"));
    }
    Ok(before)
}

/// A set of CPUs, a bit each.
#[derive(Clone, PartialEq, Eq)]
struct Cpus(Vec<u64>);

impl Cpus {
    const NONE: [u64; MAX_CPUS / 64] = [0; MAX_CPUS / 64];

    fn of_thread() -> Result<Cpus> {
        let mut words = Cpus::NONE.to_vec();
        let bytes = size_of_val(words.as_slice());
        // SAFETY: the kernel fills at most so many bytes of the vector, which is alive.
        retry(|| unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, bytes, words.as_mut_ptr()) })
            .map_err(|error| failure("sched_getaffinity", &error, "cannot tell where this thread runs"))?;
        Ok(Cpus(words))
    }

    fn set(&self) -> io::Result<()> {
        let bytes = size_of_val(self.0.as_slice());
        // SAFETY: the kernel reads so many bytes of the vector, which is alive.
        retry(|| unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, bytes, self.0.as_ptr()) }).map(drop)
    }

    /// The listed ones, if a thread that runs on these may run on them.
    fn allowed(&self, list: &[u32]) -> Result<Cpus> {
        let mut wanted = Cpus(Cpus::NONE.to_vec());
        let (mut beyond, mut outside) = (false, false);
        for &cpu in list {
            match wanted.0.get_mut(cpu as usize / 64) {
                Some(word) => *word |= 1 << (cpu % 64),
                None => beyond = true,
            }
            outside |= !self.has(cpu);
        }
        if !outside && !list.is_empty() {
            return Ok(wanted);
        }
        // A thread may also go back to where it does not run now.
        let allowed = widest()?;
        if !beyond && !list.is_empty() && list.iter().all(|&cpu| allowed.has(cpu)) {
            return Ok(wanted);
        }
        let what = list.iter().find(|&&cpu| !allowed.has(cpu));
        let what = what.map_or_else(|| "no CPU at all".to_owned(), |cpu| format!("CPU {cpu}"));
        Err(Error::new(
            Code::InvalidArgument,
            format!("this process may not run on {what}: it is allowed {}", ranges(&allowed.list())),
        )
        .with("option", "cpus"))
    }

    fn has(&self, cpu: u32) -> bool {
        self.0.get(cpu as usize / 64).is_some_and(|word| word >> (cpu % 64) & 1 == 1)
    }

    fn list(&self) -> Vec<u32> {
        (0..MAX_CPUS as u32).filter(|&cpu| self.has(cpu)).collect()
    }
}

/// All CPUs that a thread of this process may ask for. Only a thread that asks for everything learns
/// that, so it is one that nothing else depends on.
fn widest() -> Result<Cpus> {
    let ask = || {
        // Refused where a sandbox forbids it: then what the thread has is all there is.
        let _ = Cpus(vec![u64::MAX; MAX_CPUS / 64]).set();
        Cpus::of_thread()
    };
    std::thread::scope(|scope| {
        let thread = without_signals(|| {
            std::thread::Builder::new().name("shmring-cpus".into()).spawn_scoped(scope, ask)
        });
        let thread = thread.map_err(|error| failure("clone", &error, "cannot ask for the allowed CPUs"))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// `0-3,8`, as the kernel writes it.
fn ranges(cpus: &[u32]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = cpus;
    while let Some(&first) = rest.first() {
        let length = rest.iter().zip(first..).take_while(|&(&cpu, next)| cpu == next).count();
        let last = rest[length - 1];
        parts.push(if first == last { first.to_string() } else { format!("{first}-{last}") });
        rest = &rest[length..];
    }
    parts.join(",")
}

/// A scheduling policy with its flags, and the priority within it.
#[derive(Debug, Clone, Copy)]
struct Scheduler {
    policy: libc::c_int,
    priority: libc::c_int,
}

impl Scheduler {
    fn of_thread() -> Result<Scheduler> {
        let explain =
            |error: io::Error| failure("sched_getscheduler", &error, "cannot tell how this thread runs");
        // SAFETY: has no memory to touch.
        let policy = retry(|| unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) }).map_err(explain)?;
        let mut priority: libc::c_int = 0;
        // SAFETY: the kernel fills the one field of its parameters, an int, which is alive.
        retry(|| unsafe { libc::syscall(libc::SYS_sched_getparam, 0, &raw mut priority) })
            .map_err(explain)?;
        Ok(Scheduler { policy: policy as libc::c_int, priority })
    }

    fn set(self) -> io::Result<()> {
        // SAFETY: the kernel reads the one field of its parameters, an int, which is alive.
        retry(|| unsafe {
            libc::syscall(libc::SYS_sched_setscheduler, 0, self.policy, &raw const self.priority)
        })
        .map(drop)
    }

    /// 0 where it is none of the two policies with such a priority.
    fn realtime(self) -> u32 {
        let policy = self.policy & !SCHED_RESET_ON_FORK;
        let realtime = policy == libc::SCHED_RR || policy == libc::SCHED_FIFO;
        if realtime { self.priority.unsigned_abs() } else { 0 }
    }

    /// The same thread with another priority.
    fn with(self, priority: u32) -> Result<Scheduler> {
        match priority {
            0 if self.realtime() == 0 => Ok(self),
            // The flag stays: to take it away needs a privilege, and it has no effect here.
            0 => Ok(Scheduler { policy: libc::SCHED_OTHER | self.policy & SCHED_RESET_ON_FORK, priority: 0 }),
            1..=MAX_PRIORITY => Ok(Scheduler {
                policy: libc::SCHED_RR | SCHED_RESET_ON_FORK,
                priority: priority as libc::c_int,
            }),
            _ => Err(Error::new(
                Code::InvalidArgument,
                format!("a real-time priority is 1 to {MAX_PRIORITY}, or 0 for none, not {priority}"),
            )
            .with("option", "realtime")),
        }
    }

    /// After a step that could not be completed.
    fn restore(self) {
        if self.set().is_err() {
            let _ = Scheduler { policy: self.policy | SCHED_RESET_ON_FORK, ..self }.set();
        }
    }
}

fn unscheduled(error: &io::Error, priority: u32) -> Error {
    if error.raw_os_error() != Some(libc::EPERM) {
        return failure("sched_setscheduler", error, "cannot change how this thread is scheduled");
    }
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the struct, which is alive; a failure leaves zero.
    let _ = unsafe { libc::getrlimit(libc::RLIMIT_RTPRIO, &raw mut limit) };
    Error::new(
        Code::Permission,
        format!(
            "real-time priority {priority} is refused: it needs CAP_SYS_NICE or RLIMIT_RTPRIO of at least \
             {priority} (here {}), as by LimitRTPRIO= of systemd or --ulimit rtprio={priority} of Docker, and \
             a control group that has real-time budget",
            limit.rlim_cur
        ),
    )
    .with("syscall", "sched_setscheduler")
    .with("errno", libc::EPERM as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a thread of its own, which then ends.
    fn alone(test: impl FnOnce() + Send) {
        std::thread::scope(|scope| scope.spawn(test).join().unwrap());
    }

    fn now() -> Placement {
        place_thread(&PlacementOptions::default()).unwrap()
    }

    fn on(cpus: &[u32]) -> Result<Placement> {
        place_thread(&PlacementOptions { cpus: Some(cpus.to_vec()), realtime: None })
    }

    #[test]
    fn a_thread_moves_and_goes_back_and_others_stay() {
        let outside = now();
        alone(|| {
            let first = outside.cpus[0];
            assert_eq!(on(&[first, first]).unwrap(), outside);
            assert_eq!(now().cpus, [first]);
            // Wider than where it is now.
            assert_eq!(on(&outside.cpus).unwrap().cpus, [first]);
            assert_eq!(now(), outside);
        });
        assert_eq!(now(), outside);
    }

    #[test]
    fn a_cpu_that_is_not_allowed_is_refused_with_those_that_are_and_nothing_is_changed() {
        alone(|| {
            let before = now();
            for cpus in [vec![], vec![MAX_CPUS as u32 - 1], vec![before.cpus[0], 9999], vec![u32::MAX]] {
                let wanted = PlacementOptions { cpus: Some(cpus.clone()), realtime: Some(1) };
                let error = place_thread(&wanted).unwrap_err();
                assert_eq!(error.code, Code::InvalidArgument, "{cpus:?}");
                let allowed = ranges(&widest().unwrap().list());
                assert!(error.message.ends_with(&format!("allowed {allowed}")), "{error}");
                assert_eq!(now(), before, "{cpus:?}");
            }
            let wanted = PlacementOptions { cpus: Some(vec![before.cpus[0]]), realtime: Some(100) };
            assert_eq!(place_thread(&wanted).unwrap_err().code, Code::InvalidArgument);
            assert_eq!(now(), before);
        });
    }

    #[test]
    fn ranges_are_written_as_the_kernel_does() {
        for (cpus, written) in
            [(vec![], ""), (vec![7], "7"), (vec![0, 1], "0-1"), (vec![0, 1, 2, 3, 8, 10, 11], "0-3,8,10-11")]
        {
            assert_eq!(ranges(&cpus), written);
        }
    }
}
