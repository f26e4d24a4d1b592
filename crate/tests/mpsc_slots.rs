//! Slots of dead producers are taken again and again: nothing is lost, and nothing is left behind.
//! One test: it counts what the whole process has.

mod segment_support;

use std::sync::Arc;
use std::time::Duration;

use segment_support::Place;
use shmring::attached::{Consumer, EndWhen, Producer, Ring};
use shmring::layout::Kind;
use shmring::ring::Payload;
use shmring::segment::{CreateOptions, Segment};

const DEATHS: u64 = 100_000;
const SLOTS: usize = 254;

/// Descriptors, and mappings of the ring; what the allocator and the threads have varies.
fn held(place: &Place) -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mapped = maps.lines().filter(|line| line.contains(place.0.to_str().unwrap())).count();
    (std::fs::read_dir("/proc/self/fd").unwrap().count(), mapped)
}

fn drain(consumer: &mut Consumer) -> u64 {
    let mut ranges = [0; 512];
    let mut count = 0;
    while consumer.wait(Duration::ZERO, Duration::ZERO).unwrap() {
        let peeked = consumer.peek(&mut ranges, 256, true).unwrap();
        consumer.ring().release(&ranges, peeked.count).unwrap();
        count += peeked.count as u64;
    }
    count
}

#[test]
fn a_hundred_thousand_producers_that_end_without_a_word_leave_nothing_behind() {
    let place = Place::new();
    let options = CreateOptions { kind: Some(Kind::Mpsc), capacity: Some(65_536), ..place.small() };
    let ring = Ring::attach(Segment::create("worn", &options).unwrap()).unwrap();
    let segment: &Arc<Segment> = ring.segment();
    let mut consumer = Consumer::attach(segment, "reader", EndWhen::Sealed).unwrap();
    let before = held(&place);
    let (mut written, mut claimed, mut seen) = (0, 0, 0);
    for death in 0..DEATHS {
        let mut producer = Producer::attach(segment, "soon dead").unwrap();
        // SAFETY: a slice of this process.
        if unsafe { producer.ring().try_write(Payload::of(&death.to_le_bytes())) }.unwrap() {
            written += 1;
        }
        if death % 3 == 0 && producer.try_claim(100).unwrap().is_some() {
            claimed += 1;
        }
        producer.abandon();
        if death % 100 == 0 {
            seen += drain(&mut consumer);
        }
        if death % 10_000 == 0 {
            ring.recover().unwrap();
        }
    }
    seen += drain(&mut consumer);
    assert_eq!(held(&place), before);
    assert_eq!((written, seen, claimed), (DEATHS, DEATHS, DEATHS.div_ceil(3)));
    let stats = ring.stats().unwrap();
    assert_eq!((stats.written, stats.read, stats.abandoned), (written, seen, claimed));
    assert_eq!((stats.producers, stats.full, stats.bytes_waiting), (0, 0, 0));
    // Every place is there still.
    let all: Vec<_> = (0..SLOTS).map(|_| Producer::attach(segment, "").unwrap()).collect();
    assert!(Producer::attach(segment, "").is_err());
    assert_eq!(ring.stats().unwrap().producers as usize, all.len());
}
