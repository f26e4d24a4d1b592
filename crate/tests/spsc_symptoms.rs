//! Bugs of the `spsc` ring that were found and fixed, each by its symptom.

mod support;

use shmring::layout::{Kind, Layout};
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
