//! What a peer that goes wrong writes in the name of a producer that lives: a mark that says that it is
//! inside a write, a reservation that it never made. Readers wait for both, since a stopped writer looks
//! the same; the producer knows better, and puts it right with the next thing that it is asked.

mod segment_support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use segment_support::{Place, View, view};
use shmring::attached::{Consumer, End, EndWhen, Producer};
use shmring::error::Code;
use shmring::layout::{GRANULE, Kind, control, slot};
use shmring::memory::Memory;
use shmring::ring::Payload;
use shmring::ring::mpsc::{State, Word};
use shmring::segment::{CreateOptions, Segment};

/// The slot of the producer in whose name something is written.
const NAMED: u32 = 1;
const KINDS: [(Kind, u64); 2] = [(Kind::Spsc, 4096), (Kind::Mpsc, 65_536)];

struct World {
    named: Producer,
    consumer: Consumer,
    segment: Arc<Segment>,
    view: View,
    _place: Place,
}

impl World {
    fn new((kind, capacity): (Kind, u64)) -> World {
        let place = Place::new();
        let options = CreateOptions { kind: Some(kind), capacity: Some(capacity), ..place.small() };
        let segment = Arc::new(Segment::create("x", &options).unwrap());
        let named = Producer::attach(&segment, "named").unwrap();
        let consumer = Consumer::attach(&segment, "", EndWhen::Sealed).unwrap();
        World { named, consumer, view: view(&segment), segment, _place: place }
    }

    fn raise_the_mark(&self) {
        self.view.memory.store32(self.segment.layout().slot(NAMED) + slot::WRITING, 1, Ordering::Relaxed);
    }

    fn seal(&self) {
        let at = self.segment.layout().control + control::SEALED;
        self.view.memory.store32(at, 1, Ordering::Release);
    }

    /// A reservation at the head, where nothing was, and `records` behind it.
    fn reserve_falsely(&mut self, records: usize) -> Producer {
        let layout = self.segment.layout();
        let head = self.view.memory.load64(layout.control + control::HEAD, Ordering::Acquire);
        let word = Word::new(head / layout.capacity as u64 + 1, NAMED, 2, State::Reserved);
        let at = layout.chain + head as usize % layout.capacity / GRANULE * 8;
        self.view.memory.store64(at, word.0, Ordering::Release);
        let mut other = Producer::attach(&self.segment, "other").unwrap();
        for _ in 0..records {
            assert!(write(&mut other));
        }
        other
    }

    fn read(&mut self) -> usize {
        let mut ranges = [0; 2048];
        let peeked = self.consumer.peek(&mut ranges, 1024, true).unwrap();
        self.consumer.ring().release(&ranges, peeked.count).unwrap();
        peeked.count
    }
}

fn write(producer: &mut Producer) -> bool {
    // SAFETY: a constant.
    unsafe { producer.ring().try_write(Payload::of(b"behind")) }.unwrap()
}

fn fill(producer: &mut Producer) {
    while write(producer) {}
}

#[test]
fn a_mark_that_a_living_idle_producer_never_raised_is_lowered_by_the_next_thing_that_it_is_asked() {
    type Call = fn(&mut Producer);
    let calls: [(&str, Call); 4] = [
        ("consumer_alive", |named| assert!(named.consumer_alive().unwrap())),
        ("try_write", |named| {
            // SAFETY: a constant.
            let refused = unsafe { named.ring().try_write(Payload::of(b"late")) }.unwrap_err();
            assert_eq!(refused.code, Code::Sealed);
        }),
        ("is_released", |named| assert!(!named.ring().is_released(1 << 12).unwrap())),
        ("close", Producer::close),
    ];
    for kind in KINDS {
        for (name, call) in calls {
            let mut world = World::new(kind);
            world.raise_the_mark();
            world.seal();
            assert_eq!(world.consumer.end().unwrap(), None, "it might be inside a write");
            call(&mut world.named);
            assert_eq!(world.consumer.end().unwrap(), Some(End::Sealed), "{kind:?}, after {name}");
        }
    }
}

#[test]
fn a_reservation_that_a_living_producer_never_made_is_given_up_by_the_next_thing_that_it_is_asked() {
    type Call = fn(&mut World, &mut Producer);
    let calls: [(&str, Call); 6] = [
        ("consumer_alive", |world, _| assert!(world.named.consumer_alive().unwrap())),
        ("is_released", |world, _| assert!(!world.named.ring().is_released(1 << 12).unwrap())),
        ("try_write at a full ring", |world, other| {
            fill(other);
            assert!(!write(&mut world.named));
            world.consumer.end().unwrap();
        }),
        ("wait_for_room at a full ring", |world, other| {
            fill(other);
            assert!(!world.named.wait_for_room(6, Duration::from_millis(1), Duration::ZERO).unwrap());
        }),
        ("try_write to a consumer that sleeps over it", |world, _| {
            let blocked = world.consumer.ring().blocked().unwrap();
            let announced = world.consumer.ring().announce_sleep(blocked);
            assert!(write(&mut world.named));
            let (sleeper, memory) = world.consumer.ring().sleeper();
            sleeper.leave(memory, announced);
        }),
        ("close", |world, _| world.named.close()),
    ];
    for (name, call) in calls {
        let mut world = World::new(KINDS[1]);
        let mut other = world.reserve_falsely(10);
        assert_eq!(world.read(), 0, "it might be inside a write");
        assert_eq!(world.consumer.blocked_by().unwrap().unwrap().slot, NAMED);
        call(&mut world, &mut other);
        assert!(world.consumer.wait(Duration::ZERO, Duration::ZERO).unwrap(), "after {name}");
        assert!(world.read() >= 10);
        assert_eq!(world.consumer.blocked_by().unwrap(), None);
    }
}

#[test]
fn a_claim_that_is_open_stays_open_whatever_else_its_producer_is_asked() {
    for kind in KINDS {
        let mut world = World::new(kind);
        assert!(write(&mut world.named));
        assert!(world.named.try_claim(6).unwrap().is_some());
        assert!(!world.named.ring().is_released(1 << 11).unwrap());
        assert_eq!(world.read(), 1);
        assert!(world.named.consumer_alive().unwrap());
        assert!(!world.named.ring().is_released(1 << 11).unwrap());
        world.seal();
        assert_eq!(world.consumer.end().unwrap(), None, "{kind:?}");
        world.named.ring().commit(None).unwrap();
        assert_eq!(world.read(), 1);
        assert_eq!(world.consumer.end().unwrap(), Some(End::Sealed), "{kind:?}");
    }
}
