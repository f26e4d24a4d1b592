//! Child processes of an owner: whatever way they are made, they hold nothing of its ring.

mod segment_support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use segment_support::{Child, Place, listen, role, say, view};
use shmring::lock::Liveness;
use shmring::memory::Memory;
use shmring::owners::{Role, Slot, SlotState, liveness};
use shmring::segment::{OpenOptions, Segment};

const NAME: &str = "children";
const SLEEPERS: usize = 24;

fn take(segment: &Segment, memory: &impl Memory, index: u32) -> Option<Slot> {
    Slot::take(segment, memory, index, Role::of(index), "", 0).unwrap()
}

/// Descriptors and mappings of a process that lead to a segment.
fn holdings(pid: u32) -> (usize, usize) {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let links = links.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let descriptors = links.filter(|link| is_segment(link)).count();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    (descriptors, maps.lines().filter(|line| line.contains("shmring.")).count())
}

fn is_segment(link: &Path) -> bool {
    link.file_name().is_some_and(|name| name.to_string_lossy().starts_with("shmring."))
}

/// A fork that does what it is told and ends; it must make system calls only.
fn fork(act: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child runs `act`, of which its callers see to it, and ends at once.
    match unsafe { libc::fork() } {
        0 => {
            act();
            // SAFETY: ends without running what else the process would at its end.
            unsafe { libc::_exit(0) }
        }
        child => child,
    }
}

fn wait_for(child: libc::pid_t) -> i32 {
    let mut status = -1;
    // SAFETY: our own child, which nobody else waits for.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status
}

/// Ends processes, by number, that a killed child of ours has left behind.
fn end_all(pids: &[i32]) {
    for &pid in pids {
        // SAFETY: a number that a child of ours has told; the process ends by itself only much later.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0, "it was there all the time");
    }
}

/// The roles of child processes; see [`Child`].
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    let segment = Segment::open(NAME, &OpenOptions::default()).unwrap();
    let view = view(&segment);
    let memory = &view.memory;
    match role.as_str() {
        "starts programs" => {
            // Slots come and go all the while, so that some program starts in the midst of it.
            let pids: Vec<_> = std::thread::scope(|scope| {
                let start = |_| {
                    let sleeper = Command::new("sleep").arg("120").stdin(Stdio::null()).spawn();
                    sleeper.unwrap().id().to_string()
                };
                let starter = scope.spawn(move || (0..SLEEPERS).map(start).collect());
                while !starter.is_finished() {
                    take(&segment, memory, 0).unwrap().release(memory);
                }
                starter.join().unwrap()
            });
            let _slots = [take(&segment, memory, 0).unwrap(), take(&segment, memory, 1).unwrap()];
            say(pids.join(" "));
            listen();
        }
        "forks" => {
            let slot = take(&segment, memory, 1).unwrap();
            let child = fork(|| {
                // SAFETY: only waits, for a minute at most.
                unsafe {
                    libc::alarm(60);
                    libc::pause();
                }
            });
            say(child);
            listen();
            slot.release(memory);
        }
        "forks and touches" => {
            let slot = take(&segment, memory, 1).unwrap();
            let at = segment.layout().data;
            let status = wait_for(fork(|| memory.store32(at, 1, Ordering::Relaxed)));
            assert!(libc::WIFSIGNALED(status), "{status}");
            assert_eq!(libc::WTERMSIG(status), libc::SIGSEGV);
            assert_eq!(memory.load32(at, Ordering::Relaxed), 0);
            assert_eq!(liveness(&segment, memory, 1).unwrap(), SlotState::Alive);
            slot.release(memory);
            say("unharmed");
            listen();
        }
        "forks all the time" => {
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let forker = scope.spawn(|| {
                    let mut forks = 0;
                    while !done.load(Ordering::Relaxed) {
                        // SAFETY: one system call.
                        wait_for(fork(|| unsafe {
                            libc::usleep(500);
                        }));
                        forks += 1;
                    }
                    forks
                });
                for _ in 0..1_000 {
                    // A fork within a microsecond of the taking may keep the lock, while it lives.
                    let mut slot = take(&segment, memory, 1);
                    while slot.is_none() {
                        std::thread::yield_now();
                        slot = take(&segment, memory, 1);
                    }
                    slot.unwrap().release(memory);
                }
                done.store(true, Ordering::Relaxed);
                assert!(forker.join().unwrap() > 1);
            });
            assert_eq!(segment.probe(segment.layout().slot(1)).unwrap(), Liveness::Dead);
            say("done");
            listen();
        }
        other => panic!("no role {other}"),
    }
}

#[test]
fn programs_started_while_slots_are_taken_and_held_have_no_part_in_them() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    let mut child = Child::start("starts programs", &place.0);
    let pids: Vec<i32> = child.hear().split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), SLEEPERS);
    let alive = |index| liveness(&segment, &view.memory, index).unwrap();
    assert_eq!([alive(0), alive(1)], [SlotState::Alive; 2]);
    for &pid in &pids {
        assert_eq!(holdings(pid as u32), (0, 0));
    }
    child.kill();
    assert_eq!([alive(0), alive(1)], [SlotState::Died; 2], "its programs live on");
    end_all(&pids);
}

#[test]
fn a_fork_has_neither_the_lock_nor_the_mapping() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    let mut child = Child::start("forks", &place.0);
    let fork: i32 = child.hear().parse().unwrap();
    let (descriptors, mappings) = holdings(child.pid());
    assert_eq!((descriptors, mappings), (1, 2), "what it asks through; its view and its lock's page");
    // The description that it asks through never holds a lock.
    assert_eq!(holdings(fork as u32), (1, 0));
    child.kill();
    assert_eq!(liveness(&segment, &view.memory, 1).unwrap(), SlotState::Died);
    end_all(&[fork]);
}

#[test]
fn a_fork_that_touches_the_ring_ends_by_it_and_disturbs_nobody() {
    let place = Place::new();
    let _segment = Segment::create(NAME, &place.small()).unwrap();
    let mut child = Child::start("forks and touches", &place.0);
    assert_eq!(child.hear(), "unharmed");
    child.tell();
    child.end();
}

#[test]
fn forks_all_the_time_delay_a_release_at_most_for_as_long_as_they_live() {
    let place = Place::new();
    let _segment = Segment::create(NAME, &place.small()).unwrap();
    let mut child = Child::start("forks all the time", &place.0);
    assert_eq!(child.hear(), "done");
    child.tell();
    child.end();
}
