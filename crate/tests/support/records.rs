//! Records that tell their own number, written and read through the real ring.

use shmring::layout::Layout;
use shmring::memory::Memory;
use shmring::record::span;
use shmring::ring::spsc::{Consumer, Payload, Producer};

/// A record as it was received: its position and payload.
pub type Record = (u64, Vec<u8>);

/// The payload of record `number`: no two neighbours have a byte in common.
pub fn payload(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|index| (number * 64 + index + 1) as u8).collect()
}

pub fn write<M: Memory>(producer: &mut Producer<M>, number: usize, length: usize) -> bool {
    let bytes = payload(number, length);
    // SAFETY: the bytes outlive the call.
    unsafe { producer.try_write(Payload::of(&bytes)).unwrap() }
}

/// The records that `count` pairs of `ranges` point to, the first at `position`.
pub fn read<M: Memory>(
    memory: &M,
    layout: &Layout,
    position: u64,
    ranges: &[u32],
    count: usize,
) -> Vec<Record> {
    let mut position = position;
    let record = |range: &[u32]| {
        let (start, end) = (range[0] as usize, range[1] as usize);
        assert!(start <= end && end <= layout.capacity, "{start}..{end} lies outside the data area");
        let mut bytes = vec![0; end - start];
        // SAFETY: the target is as long as the range, which lies within the data area.
        unsafe { memory.copy_out(layout.data + start, bytes.as_mut_ptr(), bytes.len()) };
        let record = (position, bytes);
        position += span(end - start) as u64;
        record
    };
    ranges[..2 * count].chunks(2).map(record).collect()
}

/// One look: what it finds is read, then released.
pub fn look<M: Memory>(memory: &impl Memory, layout: &Layout, consumer: &mut Consumer<M>) -> Vec<Record> {
    let mut ranges = [0; 16];
    let peeked = consumer.peek(&mut ranges, 8, true).unwrap();
    let records = read(memory, layout, peeked.position, &ranges, peeked.count);
    consumer.release(&ranges, peeked.count).unwrap();
    records
}

/// Looks until there is nothing more.
pub fn look_until_empty<M: Memory>(
    memory: &impl Memory,
    layout: &Layout,
    consumer: &mut Consumer<M>,
) -> Vec<Record> {
    let mut records = Vec::new();
    loop {
        let more = look(memory, layout, consumer);
        if more.is_empty() {
            return records;
        }
        records.extend(more);
    }
}
