//! A sandbox that refuses one system call: for each that the core makes, and each way to refuse it,
//! everything works as without it, or says which call it was. Nothing hangs, crashes or is left over.

mod sandbox;
mod segment_support;
mod skipping;

use std::mem::ManuallyDrop;
use std::os::unix::process::CommandExt;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use sandbox::{Call, Uses, refuse};
use segment_support::{Child, Place, role, same_program, say, view};
use shmring::attached::{Consumer, EndWhen, Producer, Recovered, Ring};
use shmring::error::{Code, Detail, Error, Result};
use shmring::mapped::MappedMemory;
use shmring::owners::{Role, Slot, SlotState, liveness, recover};
use shmring::ring::spsc::Payload;
use shmring::segment::{Segment, list, unlink};

/// What is refused, under a name, and whether everything must work without it.
#[derive(Clone)]
struct Refusal {
    name: &'static str,
    calls: Vec<Call>,
    harmless: bool,
}

fn refusals() -> Vec<Refusal> {
    use Uses::{All, With, Without};
    let needed = |name, calls: &[Call]| Refusal { name, calls: calls.to_vec(), harmless: false };
    let harmless = |name, calls: &[Call]| Refusal { name, calls: calls.to_vec(), harmless: true };
    vec![
        // What there is another way for.
        harmless("futex wait", &[(libc::SYS_futex, With(1, libc::FUTEX_WAIT as u32))]),
        harmless("futex wake", &[(libc::SYS_futex, With(1, libc::FUTEX_WAKE as u32))]),
        harmless("membarrier", &[(libc::SYS_membarrier, All)]),
        harmless("close_range", &[(libc::SYS_close_range, All)]),
        harmless("unshare", &[(libc::SYS_unshare, All)]),
        harmless("close_range, unshare", &[(libc::SYS_close_range, All), (libc::SYS_unshare, All)]),
        harmless("clone", &[(libc::SYS_clone, All), (libc::SYS_clone3, All)]),
        harmless("sched_getaffinity", &[(libc::SYS_sched_getaffinity, All)]),
        harmless("sched_yield", &[(libc::SYS_sched_yield, All)]),
        harmless("prlimit64", &[(libc::SYS_prlimit64, All)]),
        harmless("rt_sigprocmask", &[(libc::SYS_rt_sigprocmask, All)]),
        harmless("fstatfs", &[(libc::SYS_fstatfs, All)]),
        harmless("statfs, fstatfs", &[(libc::SYS_statfs, All), (libc::SYS_fstatfs, All)]),
        harmless("memfd_create", &[(libc::SYS_memfd_create, All)]),
        // What the core cannot do without.
        needed("openat", &[(libc::SYS_openat, All)]),
        needed("fallocate", &[(libc::SYS_fallocate, All)]),
        needed("fchmod", &[(libc::SYS_fchmod, All)]),
        needed("pread64", &[(libc::SYS_pread64, All)]),
        needed("read", &[(libc::SYS_read, All)]),
        needed("stat", &[(libc::SYS_statx, All), (libc::SYS_fstat, All), (libc::SYS_newfstatat, All)]),
        needed("linkat", &[(libc::SYS_linkat, All)]),
        needed("unlink", &unlinks()),
        needed("lseek", &[(libc::SYS_lseek, All)]),
        needed("fcntl lock", &[(libc::SYS_fcntl, With(1, libc::F_OFD_SETLK as u32))]),
        needed("fcntl look", &[(libc::SYS_fcntl, With(1, libc::F_OFD_GETLK as u32))]),
        needed("getrandom", &[(libc::SYS_getrandom, All)]),
        needed("madvise", &[(libc::SYS_madvise, With(2, libc::MADV_DONTFORK as u32))]),
        needed("mmap of a file", &[(libc::SYS_mmap, Without(4, u32::MAX))]),
        needed("getdents64", &[(libc::SYS_getdents64, All)]),
    ]
}

/// What a container's profile may not know yet, or leaves out: all of it at once, from the start of
/// the program. (Rust's library asks once whether there is a statx.)
fn old_profile() -> Refusal {
    let calls = [
        libc::SYS_statx,
        libc::SYS_membarrier,
        libc::SYS_close_range,
        libc::SYS_unshare,
        libc::SYS_memfd_create,
        libc::SYS_fstatfs,
        libc::SYS_statfs,
        libc::SYS_faccessat2,
        libc::SYS_openat2,
        libc::SYS_futex_waitv,
        libc::SYS_sched_getaffinity,
    ];
    let calls = calls.map(|number| (number, Uses::All)).to_vec();
    Refusal { name: "old profile", calls, harmless: true }
}

fn unlinks() -> Vec<Call> {
    vec![
        (libc::SYS_unlinkat, Uses::All),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_unlink, Uses::All),
    ]
}

/// What was tried, and how each of it ended.
#[derive(Default)]
struct Steps(Vec<(&'static str, Option<Error>)>);

impl Steps {
    fn step<T>(&mut self, name: &'static str, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => {
                self.0.push((name, None));
                Some(value)
            }
            Err(error) => {
                self.0.push((name, Some(error)));
                None
            }
        }
    }
}

const MADE: &str = "made";
const RECORDS: u32 = 100;
const PATIENCE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(5);

fn record(number: u32) -> [u8; 100] {
    std::array::from_fn(|index| (number as usize * 7 + index) as u8)
}

/// Writes the records through a ring that holds a third of them, sleeping when it is full.
fn write_all(producers: Receiver<Producer>) -> Result<()> {
    let Ok(mut producer) = producers.recv() else { return Ok(()) };
    for number in 0..RECORDS {
        let record = record(number);
        // SAFETY: the record outlives the call.
        while !unsafe { producer.ring().try_write(Payload::of(&record)) }? {
            producer.wait_for_room(record.len(), PATIENCE, SHORT)?;
        }
        if number % 25 == 0 {
            // Time for the reader to fall asleep.
            std::thread::sleep(SHORT * 4);
        }
    }
    producer.close();
    Ok(())
}

fn read_all(consumer: &mut Consumer) -> Result<()> {
    let data = consumer.segment().layout().data;
    let memory = consumer.mapping().base();
    let begin = Instant::now();
    let mut number = 0;
    while number < RECORDS {
        assert!(begin.elapsed() < PATIENCE, "only {number} records came");
        let mut ranges = [0; 2];
        if !consumer.wait(PATIENCE, SHORT)? || consumer.ring().peek(&mut ranges, 1, true)?.count == 0 {
            continue;
        }
        let mut seen = vec![0; (ranges[1] - ranges[0]) as usize];
        // SAFETY: the range of a record that has not been released.
        unsafe { memory.add(data + ranges[0] as usize).copy_to(seen.as_mut_ptr(), seen.len()) };
        assert_eq!(seen, record(number));
        consumer.ring().release(&ranges, 1)?;
        number += 1;
    }
    Ok(())
}

/// Uses everything that a ring offers. `refuse` is called at once, or when it is attached.
fn use_everything(place: &Place, refuse: &(dyn Fn() + Sync), late: bool) -> Steps {
    let mut steps = Steps::default();
    std::thread::scope(|scope| {
        // Started before, since the refused call may be that which starts threads.
        let (give, take) = channel();
        let writer = scope.spawn(move || {
            refuse();
            write_all(take)
        });
        if !late {
            refuse();
        }
        let attached = steps.step("open", place.open(MADE)).and_then(|segment| {
            let ring = steps.step("map", Ring::attach(segment))?;
            let producer = steps.step("producer", Producer::attach(ring.segment(), "writer"));
            let consumer = steps.step("consumer", Consumer::attach(ring.segment(), "", EndWhen::Sealed));
            Some((ring, producer, consumer))
        });
        if late {
            refuse();
        }
        steps.step("create", Segment::create("new", &place.small()).map(drop));
        steps.step("open again", place.open(MADE).map(drop));
        steps.step("temporary", Segment::temporary(&place.small()).map(drop));
        if let Some((ring, producer, consumer)) = attached {
            let ends = usize::from(producer.is_some()) + usize::from(consumer.is_some());
            if let Some(owners) = steps.step("owners", ring.owners()) {
                assert_eq!(owners.iter().filter(|(owner, _)| owner.alive).count(), ends);
            }
            steps.step("stats", ring.stats());
            if let Some(freed) = steps.step("recover", ring.recover()) {
                assert_eq!(freed, Recovered::default(), "the living are left alone");
            }
            if let (Some(producer), Some(mut consumer)) = (producer, consumer) {
                give.send(producer).unwrap();
                steps.step("read", read_all(&mut consumer));
                steps.step("write", writer.join().unwrap());
                consumer.close();
            }
            let segment = ring.segment();
            if let Some(mapping) = steps.step("map again", segment.map()) {
                // SAFETY: both live as long as this block.
                let memory = unsafe { MappedMemory::new(&mapping, segment.layout()) };
                die_and_recover(&mut steps, segment, &memory);
            }
            assert!(!segment.is_stale(), "what cannot be looked up is not called stale");
        }
        drop(give);
        if let Some(infos) = steps.step("list", list(Some(&place.0))) {
            assert!(infos.iter().any(|info| info.name == MADE));
        }
        steps.step("unlink", unlink("new", Some(&place.0)).map(drop));
    });
    steps
}

/// Somebody takes the producer's slot, looks dead, and is recovered.
fn die_and_recover(steps: &mut Steps, segment: &Segment, memory: &MappedMemory) {
    let taken = Slot::take(segment, memory, 1, Role::Producer, "", 0);
    let Some(slot) = steps.step("take", taken) else { return };
    // Not released: as if its owner had died.
    drop(slot.expect("the producer is closed"));
    if let Some(state) = steps.step("look", liveness(segment, memory, 1)) {
        assert_eq!(state, SlotState::Died);
    }
    if let Some(freed) = steps.step("bury", recover(segment, memory)) {
        assert_eq!(freed, 1);
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The roles of child processes: the name of a refusal, the error, and when it begins.
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    let [name, errno, moment] = *role.split(": ").collect::<Vec<_>>() else { panic!("{role}") };
    let known = refusals().into_iter().chain([old_profile()]);
    let refusal = known.into_iter().find(|refusal| refusal.name == name).unwrap();
    let errno: i32 = errno.parse().unwrap();
    if moment == "before" {
        refuse(&refusal.calls, errno).unwrap();
        let error = same_program(&format!("{name}: {errno}: ever")).exec();
        panic!("{error}");
    }
    // Its parent's, who removes it.
    let place = ManuallyDrop::new(Place(std::env::var_os("SHMRING_DIR").unwrap().into()));
    let before = descriptors();
    // The filter is this thread's, so that the test's own machinery stays free of it.
    let refuse = || match moment {
        "ever" => {}
        _ => refuse(&refusal.calls, errno).unwrap(),
    };
    let steps = std::thread::scope(|scope| {
        scope.spawn(|| use_everything(&place, &refuse, moment == "late")).join().unwrap()
    });
    let mut failures = 0;
    for (step, error) in &steps.0 {
        let Some(error) = error else { continue };
        failures += 1;
        say(format!("{role}: {step}: {error}"));
        assert!(!refusal.harmless, "there is another way");
        assert!(error.details.contains(&("errno", Detail::from(errno.unsigned_abs()))), "{error:?}");
        let call =
            error.details.iter().find(|(name, _)| *name == "syscall").map(|(_, call)| call.to_string());
        let names_a_path = ["open", "linkat", "lstat", "unlink", "readdir"].contains(&call.unwrap().as_str());
        // Of a path it may as well be the file that is not permitted.
        let expected =
            if names_a_path && errno == libc::EPERM { Code::Permission } else { Code::Unsupported };
        assert_eq!(error.code, expected, "{error}");
    }
    assert!(refusal.harmless || failures > 0, "the refused call was never made");
    assert!(steps.0.len() > 3);
    // A number whose owner cannot be told any more is left open rather than closed for a stranger.
    if refusal.name != "lseek" {
        assert_eq!(descriptors(), before, "no descriptor is left");
    }
    say("done");
}

fn refuse_each(refusals: &[Refusal], errno: i32, moment: &str) {
    if let Err(error) = std::thread::spawn(|| refuse(&[], libc::EPERM)).join().unwrap() {
        return skipping::skip("seccomp", format!("no filter can be installed: {error}"));
    }
    for refusal in refusals {
        let place = Place::new();
        let segment = Segment::create(MADE, &place.small()).unwrap();
        let mut child = Child::start(&format!("{}: {errno}: {moment}", refusal.name), &place.0);
        loop {
            let heard = child.hear();
            if heard == "done" {
                break;
            }
            println!("{heard}");
        }
        child.end();
        // Whatever it met, it is gone and nobody is held up.
        let view = view(&segment);
        for slot in 0..2 {
            assert_ne!(liveness(&segment, &view.memory, slot).unwrap(), SlotState::Alive);
        }
        // Nothing without a name that somebody will ask for, unless it cannot be removed.
        for info in list(Some(&place.0)).unwrap() {
            let known = [MADE, "new"].contains(&info.name.as_str()) && info.error.is_none();
            assert!(known || refusal.name == "unlink", "{}: {info:?}", refusal.name);
        }
    }
}

#[test]
fn an_old_containers_profile_takes_nothing_away() {
    for errno in [libc::EPERM, libc::ENOSYS] {
        refuse_each(&[old_profile()], errno, "before");
    }
}

#[test]
fn a_call_that_is_forbidden_from_the_start_is_done_without_or_named() {
    refuse_each(&refusals(), libc::EPERM, "early");
}

#[test]
fn a_call_that_the_kernel_does_not_know_is_done_without_or_named() {
    refuse_each(&refusals(), libc::ENOSYS, "early");
}

#[test]
fn a_call_that_is_forbidden_when_everybody_is_attached_is_done_without_or_named() {
    refuse_each(&refusals(), libc::EPERM, "late");
}

#[test]
fn a_call_that_is_unknown_when_everybody_is_attached_is_done_without_or_named() {
    refuse_each(&refusals(), libc::ENOSYS, "late");
}
