//! The rings: protocols over a [`Memory`](crate::memory::Memory), without files, futexes or Node.

mod ahead;
mod claims;
mod gate;
mod head;
mod length;
pub mod mpsc;
mod notes;
mod poison;
mod reader;
pub mod spsc;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// No position passes this: at 100 GB/s a ring gets there after a year and a half, so a larger one in
/// shared memory is damage, and arithmetic on what is smaller cannot overflow.
const LAST_POSITION: u64 = 1 << 62;

/// Bytes to be copied in: readable for `length` bytes during the call that takes them.
#[derive(Debug, Clone, Copy)]
pub struct Payload {
    pub bytes: *const u8,
    pub length: usize,
}

impl Payload {
    /// A payload that lives in this process.
    pub fn of(bytes: &[u8]) -> Self {
        Payload { bytes: bytes.as_ptr(), length: bytes.len() }
    }
}

/// A run of records that lie one behind the other, still held by the consumer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peeked {
    /// Position of the first record.
    pub position: u64,
    pub count: usize,
}
