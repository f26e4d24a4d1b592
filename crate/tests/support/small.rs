//! `mpsc` rings of a few granules, and records that tell who wrote them.

use shmring::error::Result;
use shmring::layout::{GRANULE, Kind, Layout, control, slot};
use shmring::memory::Memory;
use shmring::ring::mpsc::{Consumer, Payload, Producer};

/// A ring of `granules`, a power of two, with `slots` slots and nothing around them.
pub const fn layout(granules: usize, slots: u32) -> Layout {
    let first_slot = control::BYTES;
    let chain = first_slot + slots as usize * slot::BYTES;
    let data = chain + granules * 8;
    let capacity = granules * GRANULE;
    Layout {
        kind: Kind::Mpsc,
        capacity,
        slot_count: slots,
        control: 0,
        slots: first_slot,
        chain,
        data,
        size: data + capacity,
    }
}

/// Payload bytes that make a record of exactly so many granules.
pub const fn granules(count: usize) -> usize {
    count * GRANULE - 8
}

/// Who wrote a record, which of his it is, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pub writer: usize,
    pub number: usize,
    pub length: usize,
}

const NUMBER_SHIFT: usize = 32;
const WRITER_SHIFT: usize = 48;

impl Id {
    const fn word(self) -> usize {
        self.writer << WRITER_SHIFT | self.number << NUMBER_SHIFT | self.length
    }

    /// What a record of this name holds, of which `length` may be less than was claimed: eight bytes
    /// that name it and others that depend on the name.
    pub fn payload(self, claimed: usize) -> Vec<u8> {
        assert!(self.length >= 8 && claimed >= self.length, "no room for the name");
        let name = self.word();
        let mut bytes = name.to_le_bytes().to_vec();
        bytes.extend((8..claimed).map(|index| (name >> NUMBER_SHIFT).wrapping_mul(89) as u8 ^ index as u8));
        bytes
    }

    /// The name of a record as it was received, if it is whole.
    pub fn of(bytes: &[u8]) -> Option<Id> {
        let name = usize::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
        let number = name >> NUMBER_SHIFT & 0xffff;
        let id = Id { writer: name >> WRITER_SHIFT, number, length: name & 0xffff_ffff };
        (id.length == bytes.len() && id.payload(id.length) == bytes).then_some(id)
    }
}

pub fn write<M: Memory>(producer: &mut Producer<M>, id: Id) -> Result<bool> {
    let bytes = id.payload(id.length);
    // SAFETY: the bytes outlive the call.
    unsafe { producer.try_write(Payload::of(&bytes)) }
}

pub fn write_batch<M: Memory>(producer: &mut Producer<M>, ids: &[Id]) -> Result<usize> {
    let payloads: Vec<_> = ids.iter().map(|id| id.payload(id.length)).collect();
    let batch: Vec<_> = payloads.iter().map(|bytes| Payload::of(bytes)).collect();
    // SAFETY: the payloads outlive the call.
    unsafe { producer.try_write_batch(&batch) }
}

/// Claims `claimed` bytes, fills them and commits as many as `id` says. False: no room.
pub fn claim_and_commit<M: Memory>(
    memory: &M,
    layout: &Layout,
    producer: &mut Producer<M>,
    id: Id,
    claimed: usize,
) -> Result<bool> {
    let Some(start) = producer.try_claim(claimed, 0)? else { return Ok(false) };
    let bytes = id.payload(claimed);
    // SAFETY: the claim is as long as the bytes.
    unsafe { memory.copy_in(layout.data + start, bytes.as_ptr(), bytes.len()) };
    producer.commit(Some(id.length))?;
    Ok(true)
}

/// A record as it was received: its position and payload.
pub type Record = (u64, Vec<u8>);

/// One look: what comes next, at most `limit` records, not yet released.
pub fn peek<M: Memory>(
    memory: &impl Memory,
    layout: &Layout,
    consumer: &mut Consumer<M>,
    limit: usize,
) -> Result<Vec<Record>> {
    let mut ranges = [0; 16];
    let peeked = consumer.peek(&mut ranges, limit, true)?;
    let found = &ranges[..2 * peeked.count];
    let record = |range: &[u32]| {
        let (start, end) = (range[0] as usize, range[1] as usize);
        assert!(start <= end && end <= layout.capacity, "{start}..{end} lies outside the data area");
        let mut bytes = vec![0; end - start];
        // SAFETY: the target is as long as the range, which lies within the data area.
        unsafe { memory.copy_out(layout.data + start, bytes.as_mut_ptr(), bytes.len()) };
        // A run does not go past the end of the buffer.
        (peeked.position + u64::from(range[0] - found[0]), bytes)
    };
    Ok(found.chunks(2).map(record).collect())
}
