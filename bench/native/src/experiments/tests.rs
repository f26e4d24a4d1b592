//! Each variant, between threads: records of many lengths arrive whole, once and in their order.

use std::slice::from_raw_parts;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::bytes::Bytes;
use super::chain::{BESIDE, Chain, IN_PLACE, PACKED, PADDED};
use super::descriptors::Descriptors;
use super::shapes::*;
use super::sides::{Consumer, ManyYardstick, Producer, Ring, Yardstick};
use super::stamped::{BY_POSITION, BY_ZERO, Stamped};

/// So many that every ring goes round some times, descriptors included; and odd, so that a variant that
/// publishes some at once has some left.
const RECORDS: usize = 200_001;
const PATIENCE: Duration = Duration::from_secs(60);

/// A length that differs from record to record, up to 176 bytes, and now and then needs padding.
fn record(producer: usize, number: usize) -> Vec<u8> {
    let words = 2 + (number * 7 + producer) % 21;
    let tail = (2..words).map(|word| producer + number * word);
    [producer, number].into_iter().chain(tail).flat_map(|word| (word as u64).to_ne_bytes()).collect()
}

fn write_all(mut producer: impl Producer, id: usize, over: &AtomicBool) {
    for number in 0..RECORDS {
        let record = record(id, number);
        while !producer.try_write(&record) {
            // ORDERING: relaxed: it only ends what has failed.
            if over.load(Ordering::Relaxed) {
                return;
            }
            thread::yield_now();
        }
    }
    producer.flush();
}

fn arrives_whole<R: Ring>(producers: usize) {
    let ring = R::new().unwrap();
    let over = AtomicBool::new(false);
    let mut next = vec![0; producers];
    let mut wrong = None;
    thread::scope(|scope| {
        for id in 0..producers {
            let (producer, over) = (ring, &over);
            scope.spawn(move || write_all(producer.producer(id), id, over));
        }
        let (mut consumer, start) = (ring.consumer(), Instant::now());
        while next.iter().sum::<usize>() < producers * RECORDS
            && wrong.is_none()
            && start.elapsed() < PATIENCE
        {
            let drained = consumer.drain(|payload, length| {
                // SAFETY: the ring hands out payloads of `length` bytes, which are ours now.
                let payload = unsafe { from_raw_parts(payload, length) };
                let id = payload.first_chunk().map_or(producers, |id| u64::from_ne_bytes(*id) as usize);
                match next.get_mut(id) {
                    Some(next) if payload == record(id, *next) => *next += 1,
                    _ => wrong = wrong.take().or(Some(payload.to_vec())),
                }
            });
            if drained == 0 {
                thread::yield_now();
            }
        }
        // ORDERING: relaxed, as in `write_all`.
        over.store(true, Ordering::Relaxed);
    });
    let ring = std::any::type_name::<R>();
    assert_eq!(wrong, None, "{ring}");
    assert_eq!(next, vec![RECORDS; producers], "{ring}");
}

#[test]
fn one_producers_records_arrive_whole_once_and_in_order() {
    arrives_whole::<Yardstick>(1);
    arrives_whole::<Bytes<Plain>>(1);
    arrives_whole::<Bytes<Aligned<16>>>(1);
    arrives_whole::<Bytes<Aligned<128>>>(1);
    arrives_whole::<Bytes<Every<16>>>(1);
    arrives_whole::<Bytes<ReleasedEach>>(1);
    arrives_whole::<Bytes<Apart<8>>>(1);
    arrives_whole::<Bytes<LedgersBeside>>(1);
    arrives_whole::<Bytes<FlagsBesideLedger>>(1);
    arrives_whole::<Bytes<Shipped>>(1);
    arrives_whole::<Stamped<BY_POSITION>>(1);
    arrives_whole::<Stamped<BY_ZERO>>(1);
    arrives_whole::<Descriptors<8, true>>(1);
    arrives_whole::<Descriptors<64, true>>(1);
    arrives_whole::<Descriptors<8, false>>(1);
    arrives_whole::<Descriptors<64, false>>(1);
    arrives_whole::<Chain<64, IN_PLACE>>(1);
}

#[test]
fn many_producers_records_arrive_whole_once_and_each_in_its_order() {
    arrives_whole::<ManyYardstick>(3);
    arrives_whole::<Chain<32, PACKED>>(3);
    arrives_whole::<Chain<64, PACKED>>(3);
    arrives_whole::<Chain<256, PACKED>>(3);
    arrives_whole::<Chain<64, PACKED, 64>>(3);
    arrives_whole::<Chain<64, PADDED>>(3);
    arrives_whole::<Chain<64, BESIDE>>(3);
}
