//! Ages under a time of day that is set meanwhile. To a reader, a step looks as if the words that were
//! written before it said another time; here they are made to.

mod segment_support;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use segment_support::{Place, View, view};
use shmring::attached::{Consumer, EndWhen, Producer, Ring};
use shmring::clock;
use shmring::layout::{Kind, slot};
use shmring::memory::Memory;
use shmring::segment::{CreateOptions, Segment};

const NAME: &str = "steps";
const HOUR: u64 = 3_600_000;
const PAUSE: Duration = Duration::from_millis(20);
const KINDS: [Kind; 2] = [Kind::Spsc, Kind::Mpsc];

/// A producer with an open claim, and a consumer that meets it where the ring is one of many.
struct World {
    ring: Ring,
    view: View,
    producer: Producer,
    consumer: Consumer,
    begin: Instant,
    _place: Place,
}

impl World {
    fn new(kind: Kind) -> World {
        let place = Place::new();
        let options = CreateOptions { kind: Some(kind), capacity: Some(65536), ..place.small() };
        let begin = Instant::now();
        let segment = Arc::new(Segment::create(NAME, &options).unwrap());
        let mut producer = Producer::attach(&segment, "").unwrap();
        assert!(producer.try_claim(8).unwrap().is_some());
        let consumer = Consumer::attach(&segment, "", EndWhen::Sealed).unwrap();
        let (view, ring) = (view(&segment), Ring::attach(place.open(NAME).unwrap()).unwrap());
        World { ring, view, producer, consumer, begin, _place: place }
    }

    fn put(&self, index: u32, word: usize, value: u64) {
        self.view.memory.store64(self.ring.layout().slot(index) + word, value, Relaxed);
    }

    fn get(&self, index: u32, word: usize) -> u64 {
        self.view.memory.load64(self.ring.layout().slot(index) + word, Relaxed)
    }

    /// Of both owners, of the claim, and of what is in the consumer's way.
    fn ages(&mut self) -> Vec<u64> {
        let owners = self.ring.owners().unwrap();
        assert_eq!(owners.len(), 2);
        let claims = owners.iter().filter_map(|(_, work)| work.claim.map(|claim| claim.age_ms));
        let mut ages: Vec<u64> = owners.iter().map(|(owner, _)| owner.since_ms).chain(claims).collect();
        assert_eq!(ages.len(), 3);
        let obstacle = self.consumer.blocked_by().unwrap();
        assert_eq!(obstacle.is_some(), self.ring.layout().kind == Kind::Mpsc);
        ages.extend(obstacle.map(|obstacle| obstacle.age.as_millis() as u64));
        ages
    }

    /// Says that owners and claim came at this time of day.
    fn say_that_it_was(&self, wall: u64) {
        for index in [0, 1] {
            self.put(index, slot::SINCE, wall);
        }
        self.put(1, slot::CLAIM_SINCE, wall);
    }
}

#[test]
fn an_age_is_neither_zero_nor_an_hour_because_the_clock_was_set() {
    for kind in KINDS {
        let mut world = World::new(kind);
        for step in [0, HOUR, 0_u64.wrapping_sub(HOUR)] {
            world.say_that_it_was(clock::wall().wrapping_add(step));
            let attached = Instant::now();
            std::thread::sleep(PAUSE);
            let least = attached.elapsed().as_millis() as u64 - 1;
            let ages = world.ages();
            let most = world.begin.elapsed().as_millis() as u64 + 1;
            assert!(ages.iter().all(|age| (least..=most).contains(age)), "{least}, {ages:?}, {most}");
        }
        world.producer.ring().abort().unwrap();
    }
}

#[test]
fn an_owner_that_tells_the_time_of_day_alone_has_its_age_by_that() {
    for kind in KINDS {
        let (stale, zero) = (1 << 8 | 1, 0);
        for state in [zero, stale] {
            let mut world = World::new(kind);
            // As a predecessor left it, which knew more than the owner, or nobody at all.
            for index in [0, 1] {
                world.put(index, slot::STATE, 2 << 8 | 1);
                world.put(index, slot::BOOT_STATE, state);
            }
            world.say_that_it_was(clock::wall() - HOUR);
            let ages = world.ages();
            let most = HOUR + world.begin.elapsed().as_millis() as u64 + 1;
            assert!(ages.iter().all(|age| (HOUR..=most).contains(age)), "{ages:?}, {most}");
            world.producer.ring().abort().unwrap();
        }
    }
}

#[test]
fn a_time_since_boot_of_another_namespace_or_from_the_future_is_not_believed() {
    for kind in KINDS {
        for (word, value) in [(slot::BOOT_CLOCK, clock::namespace() ^ 1), (slot::BOOT, u64::MAX)] {
            let mut world = World::new(kind);
            for index in [0, 1] {
                world.put(index, word, value);
            }
            world.put(1, slot::CLAIM_BOOT, if word == slot::BOOT { u64::MAX } else { 1 });
            world.say_that_it_was(clock::wall() - HOUR);
            let ages = world.ages();
            let most = HOUR + world.begin.elapsed().as_millis() as u64 + 1;
            assert!(ages.iter().all(|age| (HOUR..=most).contains(age)), "{ages:?}, {most}");
            world.producer.ring().abort().unwrap();
        }
    }
}

#[test]
fn a_claim_that_is_refused_leaves_the_open_one_its_time() {
    for kind in KINDS {
        let mut world = World::new(kind);
        let boot = world.get(1, slot::CLAIM_BOOT);
        std::thread::sleep(PAUSE);
        assert!(world.producer.try_claim(8).is_err());
        assert_eq!(world.get(1, slot::CLAIM_BOOT), boot);
        world.producer.ring().abort().unwrap();
        let before = clock::wall();
        assert!(world.producer.try_claim(8).unwrap().is_some());
        assert!(world.get(1, slot::CLAIM_BOOT) > boot);
        // What those read who know of the time of day alone: the same, but for a millisecond.
        assert!(world.get(1, slot::CLAIM_SINCE).abs_diff(before) < 60_000);
        world.producer.ring().abort().unwrap();
    }
}
