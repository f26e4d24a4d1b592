//! A lease: free room that somebody else fills with records and publishes, by the same protocol.
//!
//! JavaScript writes a small record in less time than a call into Rust takes (`ts/hot-path.ts`). It
//! may do so within a lease only: one piece of free room, over which no upper half of any 64-bit word
//! changes, so that it need store lower halves alone. Until the producer has taken over what was
//! written there ([`Producer::settle`]), it must not be used otherwise.

use std::sync::atomic::Ordering;

use super::Producer;
use crate::layout::RECORD_ALIGN;
use crate::memory::Memory;
use crate::ring::ahead::AHEAD;

/// Records of so many bytes have no lines between their ends.
const SMALL: u64 = 128;

/// Free room behind the tail, lent out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Position at which it starts: the tail when it was made.
    pub start: u64,
    pub bytes: u64,
    /// Records written before it.
    pub written: u64,
    /// Offset of the ledger's entry for its first record. The two take turns.
    pub entry: usize,
    /// How many bytes a record in it probably takes.
    record: u64,
    /// After so many bytes of it [`Producer::expect_lent`] is to be called.
    pub step: u64,
}

/// Numbers from `low` on that share its upper half.
const fn to_next_half(low: u64) -> u64 {
    (1 << 32) - (low & 0xffff_ffff) - 1
}

impl<M: Memory> Producer<M> {
    /// Lends the free room behind the tail that is known of, in one piece, `most` bytes of it. `None`
    /// when there are less than `least`, or when no write could begin now. `record` is how many bytes
    /// those that come next probably take.
    pub fn lend(&mut self, record: u64, least: u64, most: u64) -> Option<Lease> {
        // ORDERING: Relaxed; sticky. Who needs full fences is not served by stores of JavaScript.
        if self.claim.is_some()
            || self.poison.is_set()
            || self.memory.load32(self.places.full_fences, Ordering::Relaxed) != 0
        {
            return None;
        }
        let known = self.places.capacity - (self.tail - self.head);
        let bytes = known.min(self.places.rest(self.tail)).min(most).min(to_next_half(self.tail));
        let bytes = bytes & !(RECORD_ALIGN as u64 - 1);
        if bytes < least || to_next_half(self.written) < bytes / RECORD_ALIGN as u64 {
            return None;
        }
        self.ledger.lend(&self.memory, self.tail, self.written);
        let entry = self.ledger.next_entry();
        let step = (2 * AHEAD).max(16 * record);
        let (start, written) = (self.tail, self.written);
        Some(Lease { start, bytes, written, entry, record, step })
    }

    /// Asks for the lines that will be written to after another step, as far as they are free: both ends
    /// of each record, see `ring/ahead.rs`. JavaScript cannot ask for any by itself.
    pub fn expect_lent(&self, lease: &Lease) {
        let start = self.tail + lease.step;
        let end = (start + lease.step).min(self.head + self.places.capacity);
        if lease.record <= SMALL {
            (start..end)
                .step_by(64)
                .for_each(|position| self.memory.expect_write(self.places.offset(position)));
            return;
        }
        for position in (start..end).step_by(lease.record as usize) {
            self.memory.expect_write(self.places.offset(position));
            self.memory.expect_write(self.places.offset(position + lease.record - 1));
        }
    }

    /// Takes over what was written into a lease since the last time: `used` bytes and `records`, each
    /// published by itself, counted from its start.
    pub fn settle(&mut self, lease: &Lease, used: u64, records: u64) {
        let (known_used, known_records) = self.used(lease);
        debug_assert!(used <= lease.bytes && used >= known_used);
        let fresh = records - known_records;
        if fresh > 0 {
            self.tail = lease.start + used;
            self.end = self.tail;
            self.written += fresh;
            self.ledger.settle(fresh);
        }
    }

    /// Goes on with a lease after the producer has written itself: how many bytes and records of it are
    /// used by now. `None` when it is at its end, and after a publication that was not of one record.
    pub fn resume(&self, lease: &Lease) -> Option<(u64, u64)> {
        let (used, records) = self.used(lease);
        let in_turn = (records % 2 == 0) == (self.ledger.next_entry() == lease.entry);
        let goes_on = used <= lease.bytes && in_turn && self.claim.is_none() && !self.poison.is_set();
        goes_on.then_some((used, records))
    }

    /// Bytes and records of a lease that this producer knows of.
    fn used(&self, lease: &Lease) -> (u64, u64) {
        (self.tail - lease.start, self.written - lease.written)
    }
}
