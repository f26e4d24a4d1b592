//! A process that is stopped anywhere while it attaches, in the slot of a dead one: it holds a lock, and
//! must not be taken for the dead one by it. Each operation on shared memory is such a place.

mod segment_support;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use segment_support::watched::Watched;
use segment_support::{Place, View, view};
use shmring::attached::{Consumer, End, EndWhen, Producer, Ring};
use shmring::error::Result;
use shmring::layout::{CONSUMER_SLOT, Kind};
use shmring::mapped::MappedMemory;
use shmring::memory::Memory;
use shmring::owners::{Role, Slot, SlotState, is_alive, liveness};
use shmring::ring::{Payload, Reader, Writer};
use shmring::segment::{CreateOptions, Segment};

const NAME: &str = "stopped";
const KINDS: [(Kind, u64); 2] = [(Kind::Spsc, 4096), (Kind::Mpsc, 65_536)];
/// The slot of the dead producer.
const DEAD: u32 = 1;
const RECORDS: usize = 10;

struct World {
    segment: Arc<Segment>,
    view: View,
    place: Place,
}

impl World {
    fn new(kind: Kind, capacity: u64) -> World {
        let place = Place::new();
        let options = CreateOptions { kind: Some(kind), capacity: Some(capacity), ..place.small() };
        let segment = Arc::new(Segment::create(NAME, &options).unwrap());
        World { view: view(&segment), segment, place }
    }

    /// A producer that is killed inside a claim, with its mark up, as it leaves its slot.
    fn kill_a_producer(&self) {
        let (slot, mut ring) = attach(&self.segment, &self.view.memory, DEAD).unwrap().unwrap();
        assert!(ring.try_claim(20, 0).unwrap().is_some());
        drop(slot);
    }

    /// Everything that was committed is read, whoever was in the way.
    fn read(&self, consumer: &mut Consumer) -> usize {
        let mut ranges = [0; 64];
        let (mut count, mut peeked) = (0, consumer.peek(&mut ranges, 32, true).unwrap());
        while peeked.count > 0 {
            count += peeked.count;
            consumer.ring().release(&ranges, peeked.count).unwrap();
            peeked = consumer.peek(&mut ranges, 32, true).unwrap();
        }
        count
    }
}

/// Attaches a producer as `attached::Producer` does.
fn attach<M: Memory + Clone>(segment: &Segment, memory: &M, index: u32) -> Result<Option<(Slot, Writer<M>)>> {
    Slot::take_settling(segment, memory, index, Role::Producer, "", || {
        let ring = Writer::attach(memory.clone(), segment.layout(), index)?;
        let written = ring.written();
        Ok((ring, written))
    })
}

/// Attaches a consumer as `attached::Consumer` does.
fn attach_consumer<M: Memory + Clone>(segment: &Segment, memory: &M) -> Result<Option<(Slot, Reader<M>)>> {
    Slot::take_settling(segment, memory, CONSUMER_SLOT, Role::Consumer, "", || {
        let ring = Reader::attach(memory.clone(), segment.layout())?;
        let read = ring.read();
        Ok((ring, read))
    })
}

/// Runs `attaches` in a process of its own, as far as locks go, which is stopped before operation `moment`;
/// calls `look` while it stands there. False: it was not stopped, there are no more operations.
fn stopped_at(
    moment: usize,
    place: &Place,
    memory: MappedMemory,
    attaches: fn(&Segment, &Watched) -> Slot,
    look: impl FnOnce(),
) -> bool {
    let segment = place.open(NAME).unwrap();
    let (stands, stopped): (Sender<()>, Receiver<()>) = channel();
    let (goes_on, go_on): (Sender<()>, Receiver<()>) = channel();
    thread::scope(|scope| {
        let attacher = scope.spawn(move || {
            let watched = Watched::new(memory, |operation| {
                if operation == moment {
                    stands.send(()).unwrap();
                    go_on.recv().unwrap();
                }
            });
            let slot = attaches(&segment, &watched);
            slot.release(&memory);
        });
        // These ends go with this closure if it panics, the attacher's with the attacher.
        let (stopped, goes_on) = (stopped, goes_on);
        let stands = stopped.recv().is_ok();
        if stands {
            look();
            goes_on.send(()).unwrap();
        }
        attacher.join().unwrap();
        stands
    })
}

fn producer(segment: &Segment, watched: &Watched) -> Slot {
    attach(segment, watched, DEAD).unwrap().unwrap().0
}

fn consumer(segment: &Segment, watched: &Watched) -> Slot {
    attach_consumer(segment, watched).unwrap().unwrap().0
}

#[test]
fn a_process_stopped_anywhere_in_attach_does_not_make_a_dead_writers_hole_look_like_a_living_ones() {
    for moment in 0.. {
        let world = World::new(Kind::Mpsc, 65_536);
        world.kill_a_producer();
        let mut other = Producer::attach(&world.segment, "other").unwrap();
        for _ in 0..RECORDS {
            // SAFETY: a constant.
            assert!(unsafe { other.ring().try_write(Payload::of(b"behind")) }.unwrap());
        }
        let ring = Ring::attach(world.place.open(NAME).unwrap()).unwrap();
        let look = || {
            let mut consumer = Consumer::attach(&world.segment, "", EndWhen::Sealed).unwrap();
            assert_eq!(world.read(&mut consumer), RECORDS, "stopped before operation {moment}");
            assert_eq!(consumer.blocked_by().unwrap(), None);
            assert_eq!(ring.stats().unwrap().abandoned, 1);
        };
        if !stopped_at(moment, &world.place, world.view.memory, producer, look) {
            assert!(moment > 20, "it was stopped at each operation: {moment}");
            return;
        }
        // It goes on, in a slot that is whole.
        let mut next = Producer::attach(&world.segment, "next").unwrap();
        // SAFETY: a constant.
        assert!(unsafe { next.ring().try_write(Payload::of(b"next")) }.unwrap());
        let mut consumer = Consumer::attach(&world.segment, "", EndWhen::Sealed).unwrap();
        assert_eq!(world.read(&mut consumer), 1);
        let stats = ring.stats().unwrap();
        assert_eq!((stats.written, stats.read, stats.abandoned), (11, 11, 1), "at {moment}");
    }
}

#[test]
fn a_process_stopped_anywhere_in_attach_does_not_keep_a_sealed_stream_from_its_end() {
    for (kind, capacity) in KINDS {
        for moment in 0.. {
            let world = World::new(kind, capacity);
            world.kill_a_producer();
            let ring = Ring::attach(world.place.open(NAME).unwrap()).unwrap();
            ring.seal().unwrap();
            let look = || {
                let mut consumer = Consumer::attach(&world.segment, "", EndWhen::Sealed).unwrap();
                assert_eq!(consumer.end().unwrap(), Some(End::Sealed), "{kind:?}, before operation {moment}");
            };
            if !stopped_at(moment, &world.place, world.view.memory, producer, look) {
                assert!(moment > 20, "it was stopped at each operation: {moment}");
                break;
            }
        }
    }
}

#[test]
fn a_process_stopped_anywhere_in_attach_is_counted_when_it_holds_the_slot_and_its_dead_predecessor_never() {
    for (kind, capacity) in KINDS {
        for (index, attaches) in
            [(DEAD, producer as fn(&Segment, &Watched) -> Slot), (CONSUMER_SLOT, consumer)]
        {
            for moment in 0.. {
                let world = World::new(kind, capacity);
                let (segment, memory) = (&world.segment, &world.view.memory);
                if index == CONSUMER_SLOT {
                    let (slot, _) = attach_consumer(segment, memory).unwrap().unwrap();
                    drop(slot);
                } else {
                    world.kill_a_producer();
                }
                let look = || {
                    // Its very last operation makes it the owner.
                    assert_eq!(liveness(segment, memory, index).unwrap(), SlotState::Died, "{moment}");
                    let stats = Ring::attach(world.place.open(NAME).unwrap()).unwrap().stats().unwrap();
                    assert_eq!((stats.producers, stats.consumers), (0, 0), "before operation {moment}");
                };
                if !stopped_at(moment, &world.place, *memory, attaches, look) {
                    assert!(moment > 15, "it was stopped at each operation: {moment}");
                    break;
                }
                assert!(!is_alive(segment, memory, index).unwrap());
            }
        }
    }
}

#[test]
fn a_process_killed_anywhere_in_attach_leaves_a_slot_that_the_next_one_takes() {
    for (kind, capacity) in KINDS {
        for moment in 0.. {
            let world = World::new(kind, capacity);
            world.kill_a_producer();
            let segment = world.place.open(NAME).unwrap();
            // What unwinds lets go of its lock and does nothing else.
            let attacher = thread::scope(|scope| {
                let memory = world.view.memory;
                let attaches = move || {
                    let watched = Watched::new(memory, |operation| {
                        if operation == moment {
                            resume_unwind(Box::new("killed"));
                        }
                    });
                    producer(&segment, &watched).release(&memory);
                };
                scope.spawn(attaches).join()
            });
            assert_eq!(
                liveness(&world.segment, &world.view.memory, DEAD).unwrap() == SlotState::Died,
                attacher.is_err()
            );
            let ring = Ring::attach(world.place.open(NAME).unwrap()).unwrap();
            let mut next = Producer::attach(&world.segment, "next").unwrap();
            // SAFETY: a constant.
            assert!(unsafe { next.ring().try_write(Payload::of(b"next")) }.unwrap());
            let mut consumer = Consumer::attach(&world.segment, "", EndWhen::Sealed).unwrap();
            assert_eq!(world.read(&mut consumer), 1, "{kind:?}, killed at operation {moment}");
            ring.seal().unwrap();
            assert_eq!(consumer.end().unwrap(), Some(End::Sealed));
            let owners = ring.owners().unwrap();
            let living = owners.iter().filter(|(owner, _)| owner.alive);
            let written: Vec<_> = living.map(|(_, work)| work.written).collect();
            assert_eq!(written, [1, 1]);
            let stats = ring.stats().unwrap();
            assert_eq!((stats.written, stats.read, stats.producers), (1, 1, 1));
            if attacher.is_ok() {
                assert!(moment > 20, "it was killed at each operation: {moment}");
                break;
            }
        }
    }
}

#[test]
fn a_stopped_attacher_of_the_only_place_is_told_of_as_one_who_comes_or_goes() {
    let world = World::new(Kind::Spsc, 4096);
    let look = || {
        let error = Producer::attach(&world.segment, "").err().expect("the lock is held");
        assert_eq!(error.code, shmring::error::Code::Busy);
        assert!(error.message.contains("just attaching"), "{error}");
    };
    // In the midst of it: the lock is had, and the slot is not held.
    assert!(stopped_at(12, &world.place, world.view.memory, producer, look));
    assert!(
        Producer::attach(&world.segment, "")
            .unwrap()
            .wait_for_room(8, Duration::ZERO, Duration::ZERO)
            .unwrap()
    );
}
