//! Who lives is decided by the kernel: owners that are killed, stopped, forked, or robbed of every
//! descriptor.

mod segment_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use segment_support::{Child, Place, code, listen, role, say, view};
use shmring::error::Code;
use shmring::layout::{Lifetime, slot};
use shmring::lock::{ByteLock, Liveness};
use shmring::memory::Memory;
use shmring::owners::{Role, Slot, SlotState, liveness, owners, recover};
use shmring::segment::{OpenOptions, Segment};

const NAME: &str = "locks";

fn producer(segment: &Segment, memory: &impl Memory, label: &str) -> Option<Slot> {
    Slot::take(segment, memory, 1, Role::Producer, label, 7).unwrap()
}

/// The roles of child processes; see [`Child`].
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    let segment = Segment::open(NAME, &OpenOptions::default()).unwrap();
    let view = view(&segment);
    let byte = segment.layout().slot(1);
    match role.as_str() {
        "hold" => {
            let slot = producer(&segment, &view.memory, "held").unwrap();
            say("held");
            listen();
            slot.release(&view.memory);
        }
        "lock only" => {
            let _lock = ByteLock::try_exclusive(&segment, byte).unwrap().unwrap();
            say("locked");
            listen();
        }
        "close every number" => {
            let slot = producer(&segment, &view.memory, "robbed").unwrap();
            for number in 3..4096 {
                // SAFETY: the very thing that must do no harm; std's own descriptors are below.
                unsafe { libc::close(number) };
            }
            // The numbers come back as somebody else's files.
            let strangers: Vec<_> = (0..32).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
            say(format!("{:?}", segment.probe(byte).unwrap()));
            let second = Segment::open(NAME, &OpenOptions::default()).unwrap();
            say(format!("{:?}", second.probe(byte).unwrap()));
            assert!(Slot::take(&segment, &view.memory, 0, Role::Consumer, "", 0).unwrap().is_some());
            assert!(segment.map().is_ok());
            listen();
            slot.release(&view.memory);
            drop((second, segment, view));
            // None of the strangers was closed by us.
            assert!(strangers.iter().all(|stranger| stranger.metadata().is_ok()));
            say("released");
            listen();
        }
        "fork and wait" | "fork and drop" => {
            let slot = producer(&segment, &view.memory, "forked").unwrap();
            // SAFETY: the child makes system calls and ends, or drops what it inherited.
            match unsafe { libc::fork() } {
                0 if role == "fork and drop" => {
                    slot.release(&view.memory);
                    drop(view);
                    drop(segment);
                    // SAFETY: ends without running what else the process would at its end.
                    unsafe { libc::_exit(0) }
                }
                0 => unsafe {
                    // SAFETY: as above. It outlives its parent, but not the tests for long.
                    libc::alarm(60);
                    libc::pause();
                    libc::_exit(0)
                },
                child if role == "fork and drop" => {
                    let mut status = -1;
                    // SAFETY: our own child.
                    unsafe { libc::waitpid(child, &raw mut status, 0) };
                    say(status);
                    listen();
                    slot.release(&view.memory);
                }
                child => {
                    say(child);
                    listen();
                    slot.release(&view.memory);
                    say("released");
                    listen();
                }
            }
        }
        other => panic!("no role {other}"),
    }
}

#[test]
fn a_killed_owner_is_seen_dead_recovered_once_and_its_slot_is_taken_again() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    let memory = &view.memory;
    let byte = segment.layout().slot(1);
    assert_eq!(liveness(&segment, memory, 1).unwrap(), SlotState::Free);

    let mut child = Child::start("hold", &place.0);
    child.hear();
    assert_eq!(liveness(&segment, memory, 1).unwrap(), SlotState::Alive);
    assert_eq!(recover(&segment, memory).unwrap(), 0, "a living owner is left alone");
    assert!(producer(&segment, memory, "").is_none());
    let owner = owners(&segment, memory).unwrap().remove(0);
    assert_eq!((owner.slot, owner.role), (1, Role::Producer));
    assert_eq!((owner.pid, owner.label.as_str(), owner.base_count), (child.pid(), "held", 7));
    assert!(owner.alive && owner.since_ms < 60_000);
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    assert_eq!(owner.started.to_string(), fields[19]);

    child.kill();
    assert_eq!(segment.probe(byte).unwrap(), Liveness::Dead);
    assert_eq!(liveness(&segment, memory, 1).unwrap(), SlotState::Died);
    assert!(!owners(&segment, memory).unwrap()[0].alive);
    assert_eq!(recover(&segment, memory).unwrap(), 1);
    assert_eq!(recover(&segment, memory).unwrap(), 0);
    assert_eq!(liveness(&segment, memory, 1).unwrap(), SlotState::Died);
    assert!(owners(&segment, memory).unwrap().is_empty());

    let slot = producer(&segment, memory, "next").unwrap();
    assert_eq!(slot.state() >> 8, (owner.state >> 8) + 1, "a new attachment has a new number");
    slot.release(memory);
    assert_eq!(liveness(&segment, memory, 1).unwrap(), SlotState::Free);
    assert_eq!(segment.probe(byte).unwrap(), Liveness::Dead);
}

#[test]
fn a_dead_owners_slot_is_taken_without_recovery_too() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    let mut child = Child::start("hold", &place.0);
    child.hear();
    child.kill();
    let slot = producer(&segment, &view.memory, "next").unwrap();
    assert_eq!(owners(&segment, &view.memory).unwrap()[0].label, "next");
    slot.release(&view.memory);
}

#[test]
fn a_stopped_owner_is_alive() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    let mut child = Child::start("hold", &place.0);
    child.hear();
    child.signal(libc::SIGSTOP);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(liveness(&segment, &view.memory, 1).unwrap(), SlotState::Alive);
    assert_eq!(recover(&segment, &view.memory).unwrap(), 0);
    assert!(producer(&segment, &view.memory, "").is_none());
    child.signal(libc::SIGCONT);
    child.tell();
    child.end();
    assert_eq!(liveness(&segment, &view.memory, 1).unwrap(), SlotState::Free);
}

#[test]
fn an_owner_killed_between_its_lock_and_its_words_leaves_the_slot_free() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    let mut child = Child::start("lock only", &place.0);
    child.hear();
    assert_eq!(liveness(&segment, &view.memory, 1).unwrap(), SlotState::Free);
    assert!(producer(&segment, &view.memory, "").is_none());
    child.kill();
    assert_eq!(recover(&segment, &view.memory).unwrap(), 0);
    producer(&segment, &view.memory, "").unwrap().release(&view.memory);
}

#[test]
fn closing_every_descriptor_number_frees_no_lock_and_closes_no_strangers_file() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    let mut child = Child::start("close every number", &place.0);
    assert_eq!(child.hear(), "Alive", "seen through a descriptor opened again");
    assert_eq!(child.hear(), "Alive");
    assert_eq!(liveness(&segment, &view.memory, 1).unwrap(), SlotState::Alive);
    assert!(producer(&segment, &view.memory, "").is_none());
    child.tell();
    assert_eq!(child.hear(), "released");
    assert_eq!(liveness(&segment, &view.memory, 1).unwrap(), SlotState::Free);
    producer(&segment, &view.memory, "").unwrap().release(&view.memory);
    child.end();
}

#[test]
fn a_forked_child_keeps_no_lock_when_its_parent_lets_go_or_is_killed() {
    for killed in [false, true] {
        let place = Place::new();
        let segment = Segment::create(NAME, &place.small()).unwrap();
        let byte = segment.layout().slot(1);
        let mut child = Child::start("fork and wait", &place.0);
        let forked: i32 = child.hear().parse().unwrap();
        assert_eq!(segment.probe(byte).unwrap(), Liveness::Alive);
        if killed {
            child.kill();
        } else {
            child.tell();
            assert_eq!(child.hear(), "released");
        }
        assert_eq!(segment.probe(byte).unwrap(), Liveness::Dead, "killed: {killed}");
        // SAFETY: the fork of our own child, which ends by itself only after a minute.
        assert_eq!(unsafe { libc::kill(forked, libc::SIGKILL) }, 0, "it was there all the time");
    }
}

#[test]
fn a_forked_child_that_drops_its_copies_takes_nothing_from_its_parent() {
    let place = Place::new();
    let options = shmring::segment::CreateOptions { lifetime: Some(Lifetime::Attached), ..place.small() };
    let segment = Segment::create(NAME, &options).unwrap();
    let mut child = Child::start("fork and drop", &place.0);
    assert_eq!(child.hear(), "0", "it ended well");
    assert_eq!(segment.probe(segment.layout().slot(1)).unwrap(), Liveness::Alive);
    drop(segment);
    assert!(place.file(NAME).exists(), "the parent is still attached");
    child.tell();
    child.end();
    assert!(!place.file(NAME).exists());
}

#[test]
fn my_own_slot_looks_alive_to_me_and_cannot_be_taken_twice() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    let slot = producer(&segment, &view.memory, "").unwrap();
    assert_eq!(liveness(&segment, &view.memory, 1).unwrap(), SlotState::Alive);
    assert_eq!(recover(&segment, &view.memory).unwrap(), 0);
    assert!(producer(&segment, &view.memory, "").is_none());
    let other = place.open(NAME).unwrap();
    assert!(producer(&other, &view.memory, "").is_none());
    slot.release(&view.memory);
}

#[test]
fn a_lock_is_free_as_soon_as_its_owner_has_let_go() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    for round in 0..5_000 {
        let slot = producer(&segment, &view.memory, "").unwrap_or_else(|| panic!("round {round}"));
        slot.release(&view.memory);
    }
    assert_eq!(view.memory.load64(segment.layout().slot(1) + slot::STATE, Ordering::Relaxed) >> 8, 5_000);
}

#[test]
fn probing_never_disturbs_an_attacher_and_a_clean_end_never_looks_like_a_death() {
    let place = Place::new();
    let segment = Arc::new(Segment::create(NAME, &place.small()).unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let probers: Vec<_> = (0..3)
        .map(|number| {
            let (done, here) = (done.clone(), place.here());
            let shared = segment.clone();
            std::thread::spawn(move || {
                let own = Segment::open(NAME, &here).unwrap();
                let segment = if number == 0 { &*shared } else { &own };
                let view = view(segment);
                while !done.load(Ordering::Relaxed) {
                    assert_ne!(liveness(segment, &view.memory, 1).unwrap(), SlotState::Died);
                    assert_eq!(recover(segment, &view.memory).unwrap(), 0);
                    for owner in owners(segment, &view.memory).unwrap() {
                        // Both labels fill their field, so that a mixture would show.
                        assert!(["a".repeat(64), "b".repeat(64)].contains(&owner.label));
                        assert_eq!(u64::from(owner.label.starts_with('a')), owner.base_count % 2);
                    }
                }
            })
        })
        .collect();
    let view = view(&segment);
    for round in 0..5_000_u64 {
        let label = if round % 2 == 1 { "a" } else { "b" }.repeat(64);
        let slot = Slot::take(&segment, &view.memory, 1, Role::Producer, &label, round).unwrap();
        slot.unwrap_or_else(|| panic!("busy in round {round}")).release(&view.memory);
    }
    done.store(true, Ordering::Relaxed);
    for prober in probers {
        prober.join().unwrap();
    }
}

#[test]
fn of_many_recoverers_one_frees_each_slot() {
    let place = Place::new();
    let segment = Arc::new(Segment::create(NAME, &place.small()).unwrap());
    for _ in 0..20 {
        let mut child = Child::start("hold", &place.0);
        child.hear();
        child.kill();
        let start = Arc::new(std::sync::Barrier::new(4));
        let recoverers: Vec<_> = (0..4)
            .map(|_| {
                let (segment, start) = (segment.clone(), start.clone());
                std::thread::spawn(move || {
                    let view = view(&segment);
                    start.wait();
                    recover(&segment, &view.memory).unwrap()
                })
            })
            .collect();
        let freed: u32 = recoverers.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(freed, 1);
    }
}

#[test]
fn a_label_is_cut_between_characters_and_rubbish_in_its_place_does_no_harm() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    let memory = &view.memory;
    for (label, expected) in [
        ("", String::new()),
        (&"é".repeat(40), "é".repeat(32)),
        (&format!("a{}", "é".repeat(40)), format!("a{}", "é".repeat(31))),
    ] {
        let slot = producer(&segment, memory, label).unwrap();
        assert_eq!(owners(&segment, memory).unwrap()[0].label, expected);
        slot.release(memory);
    }
    let slot = producer(&segment, memory, "x").unwrap();
    let at = segment.layout().slot(1);
    memory.store32(at + slot::LABEL_LENGTH, u32::MAX, Ordering::Relaxed);
    memory.store64(at + slot::LABEL, u64::MAX, Ordering::Relaxed);
    for word in [slot::SINCE, slot::BOOT, slot::CLAIM_SINCE, slot::CLAIM_BOOT] {
        memory.store64(at + word, u64::MAX, Ordering::Relaxed);
    }
    let owner = owners(&segment, memory).unwrap().remove(0);
    assert!(owner.label.starts_with('\u{fffd}') && owner.since_ms == 0);
    slot.release(memory);
}

#[test]
fn a_state_that_no_owner_can_have_written_is_corrupt_and_takes_no_lock() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    let at = segment.layout().slot(1);
    for status in [3, 0x80, 0xff] {
        view.memory.store64(at + slot::STATE, 5 << 8 | status, Ordering::Relaxed);
        assert_eq!(code(liveness(&segment, &view.memory, 1)), Code::Corrupt);
        assert_eq!(code(recover(&segment, &view.memory)), Code::Corrupt);
        let taken = Slot::take(&segment, &view.memory, 1, Role::Producer, "", 0);
        assert_eq!(code(taken), Code::Corrupt);
        assert_eq!(segment.probe(at).unwrap(), Liveness::Dead);
    }
}

#[test]
fn a_slot_that_is_not_there_or_of_the_other_role_is_an_invalid_argument() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = view(&segment);
    for (index, role) in
        [(0, Role::Producer), (1, Role::Consumer), (2, Role::Producer), (u32::MAX, Role::Producer)]
    {
        let taken = Slot::take(&segment, &view.memory, index, role, "", 0);
        assert_eq!(code(taken), Code::InvalidArgument);
    }
}
