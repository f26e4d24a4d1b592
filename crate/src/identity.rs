//! Who the owner of a slot is, as it says itself: for people, nothing is decided by it.

use std::sync::atomic::Ordering::Relaxed;

use crate::error::{Code, Error, Result};
use crate::layout::slot;
use crate::memory::Memory;
use crate::owners::Role;

/// Where, in a slot of that role, the ledger's count when it was taken stands.
pub(crate) const fn base_count_of(role: Role) -> usize {
    match role {
        Role::Producer => slot::BASE_COUNT,
        Role::Consumer => slot::CONSUMER_BASE_COUNT,
    }
}

/// Stores who we are: the owner, in that role, of the slot at offset `at`.
pub(crate) fn describe<M: Memory>(
    memory: &M,
    at: usize,
    role: Role,
    label: &str,
    started: u64,
    base_count: u64,
) {
    let label = shorten(label);
    let mut bytes = [0; slot::LABEL_BYTES];
    bytes[..label.len()].copy_from_slice(label.as_bytes());
    // ORDERING: relaxed, all of them: the store of the state in owners::Slot::take_settling publishes them.
    memory.store32(at + slot::PID, std::process::id(), Relaxed);
    memory.store64(at + slot::STARTED, started, Relaxed);
    memory.store64(at + slot::BASE_COUNT, 0, Relaxed);
    memory.store64(at + base_count_of(role), base_count, Relaxed);
    memory.store32(at + slot::LABEL_LENGTH, label.len() as u32, Relaxed);
    for (index, word) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_ne_bytes(*word);
        memory.store64(at + slot::LABEL + index * 8, word, Relaxed);
    }
}

/// As much of a label as fits, in whole characters.
fn shorten(label: &str) -> &str {
    let mut length = label.len().min(slot::LABEL_BYTES);
    while !label.is_char_boundary(length) {
        length -= 1;
    }
    &label[..length]
}

pub(crate) fn label<M: Memory>(memory: &M, at: usize) -> String {
    let mut bytes = [0; slot::LABEL_BYTES];
    for (index, word) in bytes.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        // ORDERING: see owners::read.
        *word = memory.load64(at + slot::LABEL + index * 8, Relaxed).to_ne_bytes();
    }
    // ORDERING: see owners::read.
    let length = memory.load32(at + slot::LABEL_LENGTH, Relaxed) as usize;
    // A length or bytes that no healthy owner wrote cost a readable label, no more.
    String::from_utf8_lossy(&bytes[..length.min(slot::LABEL_BYTES)]).into_owned()
}

/// When this process started, in clock ticks since boot: tells it from a later one of its number.
pub(crate) fn started() -> Result<u64> {
    let path = "/proc/self/stat";
    let stat = std::fs::read_to_string(path)
        .map_err(|error| crate::segment::system::failure("read", &error, "cannot read /proc/self/stat"))?;
    parse_started(&stat).ok_or_else(|| {
        Error::new(Code::Unsupported, "/proc/self/stat does not tell when this process started")
    })
}

/// Field 22. The second field is the command in parentheses and may contain anything.
fn parse_started(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}
