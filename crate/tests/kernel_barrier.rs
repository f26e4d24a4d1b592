//! The asymmetric barrier is refused: by a sandbox that is entered when everybody is attached, or from the
//! start. What a consumer then sees of a producer's mark may be old, so no stream ends over it.

mod sandbox;
mod segment_support;
mod skipping;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use sandbox::{Uses, refuse};
use segment_support::{Child, Place, role, say, view};
use shmring::attached::{Consumer, End, EndWhen, Producer, Ring};
use shmring::barrier;
use shmring::layout::{Kind, control};
use shmring::memory::Memory;
use shmring::ring::spsc::Payload;
use shmring::segment::{CreateOptions, Segment};
use shmring::sleep::SLICE;

const NAME: &str = "barrier";
const RECORD: [u8; 100] = [7; 100];
const KINDS: [Kind; 2] = [Kind::Spsc, Kind::Mpsc];
/// A hang, and nothing else.
const PATIENCE: Duration = Duration::from_secs(60);

fn segment(place: &Place, kind: Kind) -> Arc<Segment> {
    let options = CreateOptions { kind: Some(kind), capacity: Some(65536), ..place.small() };
    Arc::new(Segment::create(NAME, &options).unwrap())
}

fn refuse_membarrier() {
    refuse(&[(libc::SYS_membarrier, Uses::All)], libc::EPERM).unwrap();
}

fn full_fences(segment: &Segment) -> bool {
    let at = segment.layout().control + control::FULL_FENCES;
    view(segment).memory.load32(at, Relaxed) != 0
}

fn read(consumer: &mut Consumer) -> bool {
    let mut ranges = [0; 2];
    let found = consumer.ring().peek(&mut ranges, 1, true).unwrap().count == 1;
    if found {
        consumer.ring().release(&ranges, 1).unwrap();
    }
    found
}

fn wait_for_the_end(consumer: &mut Consumer) {
    let begin = Instant::now();
    while consumer.end().unwrap().is_none() {
        assert!(begin.elapsed() < PATIENCE, "it never ends");
        assert!(!consumer.wait(PATIENCE, Duration::ZERO).unwrap());
    }
    assert_eq!(consumer.end().unwrap(), Some(End::Sealed));
}

/// Runs in a thread that no longer has the barrier once it says so. False: there can be none, which is noted.
#[must_use]
fn in_a_sandbox(run: impl FnOnce(&dyn Fn()) + Send) -> bool {
    if let Err(error) = std::thread::spawn(|| refuse(&[], libc::EPERM)).join().unwrap() {
        skipping::skip("seccomp", format!("no filter can be installed: {error}"));
        return false;
    }
    std::thread::scope(|scope| scope.spawn(|| run(&refuse_membarrier)).join().unwrap());
    true
}

#[test]
fn a_stream_does_not_end_over_a_mark_that_was_read_past_a_barrier_that_was_refused() {
    if !barrier::registered() {
        return skipping::skip("membarrier", "there is none that could be refused later");
    }
    for kind in KINDS {
        let place = Place::new();
        let segment = segment(&place, kind);
        let mut producer = Producer::attach(&segment, "").unwrap();
        let done = in_a_sandbox(|enter| {
            let ring = Ring::attach(place.open(NAME).unwrap()).unwrap();
            let mut consumer = Consumer::attach(&segment, "", EndWhen::Sealed).unwrap();
            // SAFETY: a constant.
            assert!(unsafe { producer.ring().try_write(Payload::of(&RECORD)) }.unwrap());
            enter();
            ring.seal().unwrap();
            assert!(read(&mut consumer));
            let begin = Instant::now();
            assert_eq!(consumer.end().unwrap(), None, "its mark is down, for all that can be seen");
            assert!(full_fences(&segment), "producers are asked for full fences");
            // It is idle, and told: the stream ends all the same, but not while a store may be on its way.
            while consumer.end().unwrap().is_none() {
                assert!(begin.elapsed() < PATIENCE, "it never ends");
                std::thread::yield_now();
            }
            assert!(begin.elapsed() >= SLICE, "one that did not hear in time may be in a write");
        });
        producer.close();
        if !done {
            return;
        }
    }
}

#[test]
fn a_stream_ends_at_once_where_no_producer_lives_to_have_a_mark() {
    for kind in KINDS {
        let place = Place::new();
        let segment = segment(&place, kind);
        Producer::attach(&segment, "").unwrap().abandon();
        let done = in_a_sandbox(|enter| {
            let ring = Ring::attach(place.open(NAME).unwrap()).unwrap();
            let mut consumer = Consumer::attach(&segment, "", EndWhen::Sealed).unwrap();
            enter();
            ring.seal().unwrap();
            assert_eq!(consumer.end().unwrap(), Some(End::Sealed));
        });
        if !done {
            return;
        }
    }
}

#[test]
fn a_write_that_began_before_the_seal_is_waited_for_without_a_barrier_too() {
    for kind in KINDS {
        let place = Place::new();
        let segment = segment(&place, kind);
        let mut producer = Producer::attach(&segment, "").unwrap();
        let done = in_a_sandbox(|enter| {
            let ring = Ring::attach(place.open(NAME).unwrap()).unwrap();
            let mut consumer = Consumer::attach(&segment, "", EndWhen::Sealed).unwrap();
            assert!(producer.try_claim(RECORD.len()).unwrap().is_some());
            enter();
            ring.seal().unwrap();
            let begin = Instant::now();
            // Until every mark is believed.
            while begin.elapsed() < SLICE * 3 {
                assert_eq!(consumer.end().unwrap(), None);
                assert!(!consumer.wait(SLICE, Duration::ZERO).unwrap());
            }
            producer.ring().commit(None).unwrap();
            assert!(read(&mut consumer));
            wait_for_the_end(&mut consumer);
        });
        producer.close();
        if !done {
            return;
        }
    }
}

/// A process that never had a barrier.
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    let kind = if role == "spsc" { Kind::Spsc } else { Kind::Mpsc };
    refuse_membarrier();
    // Its parent's, who removes it.
    let place = std::mem::ManuallyDrop::new(Place(std::env::var_os("SHMRING_DIR").unwrap().into()));
    let segment = segment(&place, kind);
    let ring = Ring::attach(place.open(NAME).unwrap()).unwrap();
    let producer = Producer::attach(&segment, "").unwrap();
    let mut consumer = Consumer::attach(&segment, "", EndWhen::Sealed).unwrap();
    assert!(full_fences(&segment));
    std::thread::sleep(SLICE);
    ring.seal().unwrap();
    assert_eq!(consumer.end().unwrap(), Some(End::Sealed), "everybody has used full fences for long");
    drop(producer);
    say("done");
}

#[test]
fn who_never_had_a_barrier_is_not_kept_waiting_at_the_end() {
    for kind in KINDS {
        if !in_a_sandbox(|_| {}) {
            return;
        }
        let place = Place::new();
        let mut child = Child::start(kind.name(), &place.0);
        assert_eq!(child.hear(), "done");
        child.end();
    }
}
