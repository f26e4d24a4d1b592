//! Leases: what somebody else writes into lent room, by stores of 32 bits as JavaScript makes them, is
//! what the producer would have written, and a crash between any two of those stores loses nothing.

mod support;

use std::sync::atomic::Ordering::Relaxed;

use proptest::prelude::*;
use shmring::layout::{Kind, Layout, RECORD_HEADER, control, slot};
use shmring::memory::Memory;
use shmring::record::{CHECK_LENGTH, CHECK_POSITION, check_of_high, span};
use shmring::ring::spsc::{Lease, PRODUCER_SLOT};
use support::positions::{at_least, positions};
use support::records::{look_until_empty, payload, write};
use support::spsc_real::Real;

const CAPACITY: u64 = 4096;

fn layout() -> Layout {
    Layout::new(Kind::Spsc, CAPACITY).unwrap()
}

fn ledger() -> usize {
    layout().slot(PRODUCER_SLOT) + slot::LEDGER
}

/// The stores of `ts/hot-path.ts`, in its order: each a place and a word of 32 bits, or the payload.
enum Store {
    Word(usize, u32),
    Payload(usize),
}

fn stores(lease: &Lease, used: u64, records: u64, length: usize) -> Vec<Store> {
    let layout = layout();
    let at = layout.data + ((lease.start + used) % CAPACITY) as usize;
    let position = (lease.start as u32).wrapping_add(used as u32);
    let check = (length as u32)
        .wrapping_mul(CHECK_LENGTH)
        .wrapping_add(position.wrapping_mul(CHECK_POSITION))
        .wrapping_add(check_of_high(lease.start));
    let other = 2 * ledger() + slot::LEDGER_ENTRY_BYTES - lease.entry;
    let entry = if records.is_multiple_of(2) { lease.entry } else { other };
    let tail = position.wrapping_add(span(length) as u32);
    let writing = layout.slot(PRODUCER_SLOT) + slot::WRITING;
    vec![
        Store::Payload(at + RECORD_HEADER),
        Store::Word(writing, 1),
        Store::Word(entry, 1),
        Store::Word(at, length as u32),
        Store::Word(at + 4, check & 0xffff_0000),
        Store::Word(entry + 8, (lease.written as u32).wrapping_add(records as u32 + 1)),
        Store::Word(entry, tail),
        Store::Word(layout.control + control::TAIL, tail),
        Store::Word(writing, 0),
    ]
}

fn store(real: &Real, store: &Store, number: usize, length: usize) {
    match store {
        Store::Word(at, word) => real.memory.store32(*at, *word, Relaxed),
        Store::Payload(at) => {
            let bytes = payload(number, length);
            // SAFETY: the bytes are readable, and the place lies within the lease.
            unsafe { real.memory.copy_in(*at, bytes.as_ptr(), length) };
        }
    }
}

/// A ring at `position` whose producer has written `written` records, as its ledger says.
fn ring(position: u64, written: u64) -> Real {
    let mut real = Real::new(layout(), position);
    let entries = [ledger(), ledger() + slot::LEDGER_ENTRY_BYTES];
    entries.into_iter().for_each(|entry| real.memory.set(entry + 8, written));
    real.replace_producer().unwrap();
    real
}

/// Everything in a segment but what only the producer's own way of waiting changes.
fn bytes(real: &Real) -> Vec<u64> {
    (layout().control..layout().size).step_by(8).map(|at| real.memory.get(at)).collect()
}

proptest! {
    #![proptest_config(at_least(512))]

    #[test]
    fn what_is_written_into_a_lease_is_what_the_producer_writes(
        position in positions(CAPACITY),
        written in prop_oneof![Just(0_u64), 0..1_u64 << 40, (1_u64 << 32) - 40..(1 << 32) + 40],
        lengths in prop::collection::vec(1_usize..200, 1..40),
        own in prop::collection::vec(any::<bool>(), 40),
    ) {
        // A record counts 8 bytes at least: a ledger that claims more is damaged.
        prop_assume!(written <= position / 8);
        let (mut lent, mut plain) = (ring(position, written), ring(position, written));
        let mut lease = None;
        for (number, &length) in lengths.iter().enumerate() {
            if lease.is_none() {
                lease = lent.producer.lend(72, 64, 1024).map(|lease| (lease, 0, 0));
            }
            let wrote = write(&mut plain.producer, number, length);
            match &mut lease {
                Some((now, used, records)) if !own[number] && *used + span(length) as u64 <= now.bytes => {
                    for step in stores(now, *used, *records, length) {
                        store(&lent, &step, number, length);
                    }
                    (*used, *records) = (*used + span(length) as u64, *records + 1);
                }
                _ => {
                    if let Some((now, used, records)) = &mut lease {
                        lent.producer.settle(now, *used, *records);
                    }
                    prop_assert_eq!(write(&mut lent.producer, number, length), wrote);
                    lease = lease.and_then(|(now, ..)| {
                        lent.producer.resume(&now).map(|(used, records)| (now, used, records))
                    });
                }
            }
        }
        if let Some((now, used, records)) = &mut lease {
            lent.producer.settle(now, *used, *records);
        }
        // The entry that is written next holds what was prepared for it, until it is written.
        prop_assert!(write(&mut lent.producer, 99, 1) == write(&mut plain.producer, 99, 1));
        prop_assert!(write(&mut lent.producer, 98, 1) == write(&mut plain.producer, 98, 1));
        prop_assert_eq!(lent.producer.written(), plain.producer.written());
        prop_assert_eq!(lent.producer.end(), plain.producer.end());
        prop_assert_eq!(bytes(&lent), bytes(&plain));
        let (lent, plain) = (&mut lent, &mut plain);
        prop_assert_eq!(
            look_until_empty(&lent.memory, &lent.layout, &mut lent.consumer),
            look_until_empty(&plain.memory, &plain.layout, &mut plain.consumer)
        );
    }

    #[test]
    fn no_upper_half_changes_within_a_lease(
        position in positions(CAPACITY),
        most in 64_u64..8192,
    ) {
        let mut real = ring(position, 0);
        if let Some(lease) = real.producer.lend(72, 8, most) {
            prop_assert_eq!(lease.start >> 32, (lease.start + lease.bytes) >> 32);
            prop_assert!(lease.bytes <= most && lease.bytes.is_multiple_of(8));
            prop_assert!(lease.bytes <= CAPACITY - lease.start % CAPACITY);
        }
    }
}

#[test]
fn a_crash_between_any_two_stores_leaves_the_records_before_and_that_one_or_not() {
    for position in [0, CAPACITY - 600, (1 << 32) - 1024, (1 << 53) + 64] {
        for crash in 0..=18 {
            let mut real = ring(position, 0);
            let lease = real.producer.lend(72, 64, 1024).expect("there is room");
            // One that the producer has taken over, one that only its stores tell of, one that is torn.
            store_all(&real, &lease, 0, 0, usize::MAX);
            real.producer.settle(&lease, 72, 1);
            let done = store_all(&real, &lease, 72, 1, crash);
            store_all(&real, &lease, 144, 2, done);

            real.replace_producer().unwrap();
            real.replace_consumer().unwrap();
            let records = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
            let published = 1 + usize::from(crash >= 8) + usize::from(crash >= 17);
            let expected: Vec<_> =
                (0..published).map(|number| (position + 72 * number as u64, payload(number, 64))).collect();
            assert_eq!(records, expected, "after {crash} stores");
            assert_eq!(real.producer.written(), published as u64, "after {crash} stores");
            assert!(write(&mut real.producer, 7, 10));
            let after = look_until_empty(&real.memory, &real.layout, &mut real.consumer);
            assert_eq!(after.len(), 1);
        }
    }
}

/// Makes the first `count` stores of a record of 64 bytes; how many are left.
fn store_all(real: &Real, lease: &Lease, used: u64, records: u64, count: usize) -> usize {
    let all = stores(lease, used, records, 64);
    all.iter().take(count).for_each(|step| store(real, step, records as usize, 64));
    count.saturating_sub(all.len())
}

#[test]
fn nothing_is_lent_while_a_claim_is_open_or_somebody_needs_full_fences() {
    let mut real = ring(0, 0);
    assert!(real.producer.try_claim(8, 0).unwrap().is_some());
    assert_eq!(real.producer.lend(72, 8, 1024), None);
    real.producer.abort().unwrap();
    assert!(real.producer.lend(72, 8, 1024).is_some());
    real.memory.store32(layout().control + control::FULL_FENCES, 1, Relaxed);
    assert_eq!(real.producer.lend(72, 8, 1024), None);
}

#[test]
fn a_lease_ends_with_a_claim_and_with_a_batch_of_an_even_number_of_records() {
    let mut real = ring(0, 0);
    let lease = real.producer.lend(72, 8, 1024).unwrap();
    assert!(real.producer.try_claim(8, 0).unwrap().is_some());
    assert_eq!(real.producer.resume(&lease), None);
    real.producer.commit(None).unwrap();
    assert_eq!(real.producer.resume(&lease), Some((16, 1)), "one record, published by itself");

    let bytes = [7; 8];
    let batch = [shmring::ring::Payload::of(&bytes); 2];
    // SAFETY: the bytes outlive the call.
    assert_eq!(unsafe { real.producer.try_write_batch(&batch) }.unwrap(), 2);
    assert_eq!(real.producer.resume(&lease), None, "the ledger's entries are out of turn");
}
