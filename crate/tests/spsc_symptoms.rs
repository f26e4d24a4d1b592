//! Bugs of the `spsc` ring that were found and fixed, each by its symptom.

mod support;

use shmring::error::Code;
use shmring::layout::{CONSUMER_SLOT, Kind, Layout, control, slot};
use shmring::ring::spsc::PRODUCER_SLOT;
use support::records::{look_until_empty, payload, write};
use support::spsc_real::Real;

#[test]
fn a_run_that_is_released_twice_does_not_take_the_records_behind_the_padding_with_it() {
    let mut real = Real::new(Layout::new(Kind::Spsc, 4096).unwrap(), 0);
    let memory = real.memory.clone();
    let mut ranges = [0; 8];
    assert!(write(&mut real.producer, 0, 56));
    assert_eq!(real.consumer.peek(&mut ranges, 4, true).unwrap().count, 1);
    real.consumer.release(&ranges, 1).unwrap();
    // Too large for the rest of the buffer: padding, which a look skips, then records of the next lap.
    assert!(!write(&mut real.producer, 1, 4088));
    assert!(!real.consumer.has_record().unwrap());
    assert!(write(&mut real.producer, 1, 56));
    assert!(write(&mut real.producer, 2, 56));
    assert!(real.consumer.has_record().unwrap());
    // At the end of a drain, what its handler has released already.
    real.consumer.release(&ranges, 1).unwrap();

    let received = look_until_empty(&memory, &real.layout, &mut real.consumer);
    assert_eq!(received, [(4096, payload(1, 56)), (4096 + 64, payload(2, 56))]);
}

#[test]
fn releasing_more_than_was_handed_out_is_an_error_and_no_panic() {
    let mut real = Real::new(Layout::new(Kind::Spsc, 4096).unwrap(), 0);
    assert!(write(&mut real.producer, 0, 8));
    let mut ranges = [0; 8];
    assert_eq!(real.consumer.peek(&mut ranges, 4, true).unwrap().count, 1);
    real.consumer.release(&ranges, 1).unwrap();
    assert_eq!(real.consumer.release(&ranges, 2).unwrap_err().code, Code::InvalidArgument);
}

#[test]
fn a_counter_that_counts_more_records_than_the_stream_has_room_for_is_refused_at_take_over() {
    let mut real = Real::new(Layout::new(Kind::Spsc, 4096).unwrap(), 0);
    assert!(write(&mut real.producer, 0, 8));
    real.memory.set(real.layout.slot(CONSUMER_SLOT) + slot::LEDGER + 8, u64::MAX);
    assert_eq!(real.replace_consumer().unwrap_err().code, Code::Corrupt);

    let mut real = Real::new(Layout::new(Kind::Spsc, 4096).unwrap(), 0);
    real.memory.set(real.layout.slot(PRODUCER_SLOT) + slot::LEDGER + 8, u64::MAX);
    assert_eq!(real.replace_producer().unwrap_err().code, Code::Corrupt);
}

#[test]
fn a_producer_that_takes_over_a_damaged_count_of_aborts_counts_on_without_a_panic() {
    let mut real = Real::new(Layout::new(Kind::Spsc, 4096).unwrap(), 0);
    real.memory.set(real.layout.slot(PRODUCER_SLOT) + slot::ABORTED, u64::MAX);
    real.replace_producer().unwrap();
    assert!(real.producer.try_claim(8, 0).unwrap().is_some());
    real.producer.abort().unwrap();
    assert_eq!(real.aborted(), 0);
}

#[test]
fn a_producer_that_takes_over_a_damaged_count_of_refusals_counts_on_without_a_panic() {
    let mut real = Real::new(Layout::new(Kind::Spsc, 4096).unwrap(), 0);
    real.memory.set(real.layout.slot(PRODUCER_SLOT) + slot::FULL, u64::MAX);
    real.replace_producer().unwrap();
    assert!(write(&mut real.producer, 0, 4088));
    assert!(!write(&mut real.producer, 1, 8));
    assert_eq!((real.producer.written(), real.refused()), (1, 0));
}

#[test]
fn a_producer_refuses_a_head_before_the_beginning_of_the_stream() {
    let mut real = Real::new(Layout::new(Kind::Spsc, 4096).unwrap(), 0);
    // Eight bytes before zero: as a distance it fits into the ring.
    real.memory.set(real.layout.control + control::HEAD, u64::MAX - 7);
    assert_eq!(real.replace_producer().unwrap_err().code, Code::Corrupt);
}
