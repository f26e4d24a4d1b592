//! Counters that agree with a position, whatever moment their writer is killed at.
//!
//! Two entries, written in turn. Each carries the position that it belongs to and is written
//! before that position is published, so the entry whose stamp equals the published position is
//! always whole and always true: the writer is busy with the other one.

use std::sync::atomic::Ordering;

use crate::layout::RECORD_ALIGN;
use crate::layout::slot::LEDGER_ENTRY_BYTES;
use crate::memory::Memory;

const STAMP: usize = 0;
const RECORDS: usize = 8;
const ABANDONED: usize = 16;
/// The stamp of an entry that is being written: positions are multiples of 8.
const OPEN: u64 = 1;

/// What a ledger says of one position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entry {
    /// Records published (a producer's ledger) or released (the consumer's).
    pub records: u64,
    /// Reservations of dead writers that were skipped (the consumer's).
    pub abandoned: u64,
}

/// The writing side: the owner of the slot that the ledger lies in.
#[derive(Debug)]
pub struct Ledger {
    at: usize,
    /// Offset of the entry to write next.
    next: usize,
}

impl Ledger {
    /// Takes over the ledger at offset `at` from a predecessor who stopped at `position`. `None`
    /// when no entry belongs to that position, or one that counts more than there is room for.
    pub fn open<M: Memory>(memory: &M, at: usize, position: u64) -> Option<(Self, Entry)> {
        for (entry, other) in [(at, at + LEDGER_ENTRY_BYTES), (at + LEDGER_ENTRY_BYTES, at)] {
            // ORDERING: Relaxed; the predecessor is dead or gone, its stores became visible
            // before its lock was released.
            if memory.load64(entry + STAMP, Ordering::Relaxed) == position {
                let found = load(memory, entry);
                let most = position / RECORD_ALIGN as u64;
                let possible = found.records <= most && found.abandoned <= most;
                return possible.then_some((Ledger { at, next: other }, found));
            }
        }
        None
    }

    /// Takes over a ledger whose entries are stamped with reservations, the last of which may never
    /// have been published: `counts` says whether one of a stamp was. An entry that does not count is
    /// erased, since only the newest can be told by its stamp.
    pub fn resume<M: Memory>(memory: &M, at: usize, counts: impl Fn(u64) -> bool) -> (Self, Entry) {
        let (entry, found) = settled(memory, at, counts);
        let next = at * 2 + LEDGER_ENTRY_BYTES - entry;
        // ORDERING: Relaxed; this owner's next reservation publishes it. Partner: settled.
        memory.store64(next + STAMP, OPEN, Ordering::Relaxed);
        (Ledger { at, next }, found)
    }

    /// Writes what will be true once `position` is published.
    #[inline]
    pub fn record<M: Memory>(&mut self, memory: &M, position: u64, entry: Entry) {
        self.put(memory, position, entry);
        self.next = self.at * 2 + LEDGER_ENTRY_BYTES - self.next;
    }

    #[inline(always)]
    fn put<M: Memory>(&self, memory: &M, stamp: u64, entry: Entry) {
        let at = self.next;
        // ORDERING: the stamp is opened before and set after the counters (Release), so that a
        // reader who finds the same stamp before and after saw them whole. Partner: ledger::read.
        memory.store64(at + STAMP, OPEN, Ordering::Relaxed);
        memory.fence(Ordering::Release);
        memory.store64(at + RECORDS, entry.records, Ordering::Relaxed);
        memory.store64(at + ABANDONED, entry.abandoned, Ordering::Relaxed);
        memory.store64(at + STAMP, stamp, Ordering::Release);
    }
}

impl Ledger {
    /// Prepares the entry to write next for somebody who will store lower halves alone: the upper ones
    /// are those of `position` and `records`, in both entries.
    pub fn lend<M: Memory>(&self, memory: &M, position: u64, records: u64) {
        self.put(memory, position & !u64::from(u32::MAX) | OPEN, Entry { records, abandoned: 0 });
    }

    /// Takes over that so many entries were written, in turn.
    pub fn settle(&mut self, entries: u64) {
        if entries % 2 == 1 {
            self.next = self.at * 2 + LEDGER_ENTRY_BYTES - self.next;
        }
    }

    /// Offset of the entry to write next.
    pub fn next_entry(&self) -> usize {
        self.next
    }
}

/// What the ledger at `at` says of `position`, or `None` if its owner has moved on meanwhile.
pub fn read<M: Memory>(memory: &M, at: usize, position: u64) -> Option<Entry> {
    [at, at + LEDGER_ENTRY_BYTES].into_iter().find_map(|entry| {
        // ORDERING: Acquire, then the fence: the counters are read between two looks at the
        // stamp. Partner: ledger::Ledger::record.
        if memory.load64(entry + STAMP, Ordering::Acquire) != position {
            return None;
        }
        let found = load(memory, entry);
        memory.fence(Ordering::Acquire);
        (memory.load64(entry + STAMP, Ordering::Relaxed) == position).then_some(found)
    })
}

/// The newest entry that counts, and its offset. Exact unless its owner is writing it meanwhile.
fn settled<M: Memory>(memory: &M, at: usize, counts: impl Fn(u64) -> bool) -> (usize, Entry) {
    // ORDERING: Acquire; the counters of a stamp are visible with it. Partner: Ledger::record.
    let stamp = |entry: usize| match memory.load64(entry + STAMP, Ordering::Acquire) {
        OPEN => None,
        stamp => Some(stamp),
    };
    let other = at + LEDGER_ENTRY_BYTES;
    let [newer, older] = if stamp(at) >= stamp(other) { [at, other] } else { [other, at] };
    // One that is being written is older than both, and so never looked up.
    let entry = match stamp(newer) {
        Some(newest) if counts(newest) => newer,
        _ => older,
    };
    (entry, load(memory, entry))
}

/// What the ledger at `at` says by now; see [`Ledger::resume`].
pub fn current<M: Memory>(memory: &M, at: usize, counts: impl Fn(u64) -> bool) -> Entry {
    settled(memory, at, counts).1
}

fn load<M: Memory>(memory: &M, entry: usize) -> Entry {
    // ORDERING: Relaxed; the callers order these loads by the stamp.
    Entry {
        records: memory.load64(entry + RECORDS, Ordering::Relaxed),
        abandoned: memory.load64(entry + ABANDONED, Ordering::Relaxed),
    }
}

/// The entry that was written last, whole or not: for an owner too busy to be read exactly.
pub fn latest<M: Memory>(memory: &M, at: usize) -> Entry {
    // ORDERING: Relaxed; an approximation.
    let stamp = |entry: usize| memory.load64(entry + STAMP, Ordering::Relaxed);
    let other = at + LEDGER_ENTRY_BYTES;
    load(memory, if stamp(at) >= stamp(other) { at } else { other })
}
