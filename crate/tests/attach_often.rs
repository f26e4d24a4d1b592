//! Attaching and detaching, very often: no slot is used up and nothing is left behind.

mod segment_support;

use segment_support::Place;
use shmring::attached::{Consumer, EndWhen, Producer, Recovered, Ring};
use shmring::segment::Segment;

/// How often each role is taken; `SHMRING_TEST_ATTACHES=500000` makes it a million attaches.
fn times() -> u32 {
    let given = std::env::var("SHMRING_TEST_ATTACHES").ok();
    given.map_or(50_000, |times| times.parse().expect("SHMRING_TEST_ATTACHES is a number"))
}

#[test]
fn both_roles_are_taken_and_given_back_as_often_as_one_likes() {
    let place = Place::new();
    let ring = Ring::attach(Segment::create("x", &place.small()).unwrap()).unwrap();
    let held = || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mappings = maps.lines().filter(|line| line.contains(place.0.to_str().unwrap())).count();
        (std::fs::read_dir("/proc/self/fd").unwrap().count(), mappings)
    };
    // The mapping that the ring was made with goes to the first handle.
    drop(Producer::attach(ring.segment(), "first").unwrap());
    let before = held();
    let started = std::time::Instant::now();
    for _ in 0..times() {
        let producer = Producer::attach(ring.segment(), "p").unwrap();
        let consumer = Consumer::attach(ring.segment(), "c", EndWhen::Sealed).unwrap();
        drop((producer, consumer));
    }
    println!("{} attaches in {:?}", 2 * times(), started.elapsed());
    assert_eq!(held(), before);
    assert!(ring.owners().unwrap().is_empty());
    assert_eq!(ring.recover().unwrap(), Recovered::default(), "each was a clean end");
}
