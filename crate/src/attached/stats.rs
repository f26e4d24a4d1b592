//! The counters of a ring as any process sees them.

use std::sync::atomic::Ordering;

use crate::error::Result;
use crate::layout::{CONSUMER_SLOT, Kind, Layout, control, slot};
use crate::ledger::{self, Entry};
use crate::memory::Memory;
use crate::owners;
use crate::ring::mpsc;
use crate::ring::spsc::PRODUCER_SLOT;
use crate::segment::Segment;

/// Looks at a busy ring before an answer that is a few records off is good enough.
const TRIES: u32 = 64;

/// Counters since the ring was made, and how full it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records committed.
    pub written: u64,
    /// Records released by consumers.
    pub read: u64,
    pub records_waiting: u64,
    /// Bytes of ring space in use: payloads, their headers, and padding.
    pub bytes_waiting: u64,
    /// Reservations of dead writers that were skipped.
    pub abandoned: u64,
    /// Claims given back by their living owner.
    pub aborted: u64,
    /// Refusals because the ring was full.
    pub full: u64,
    /// Living owners.
    pub producers: u32,
    pub consumers: u32,
}

impl Stats {
    /// Exact when nobody writes or reads at the moment, whoever was killed before.
    pub fn read<M: Memory>(segment: &Segment, memory: &M) -> Result<Stats> {
        let layout = segment.layout();
        let mut stats = counters(layout, memory);
        if layout.kind == Kind::Mpsc {
            stats.written = (CONSUMER_SLOT + 1..layout.slot_count)
                .map(|index| mpsc::written(memory, layout, index))
                .fold(0, u64::wrapping_add);
            stats.records_waiting = stats.written.saturating_sub(stats.read);
        }
        let living = owners::living(segment, memory)?;
        (stats.producers, stats.consumers) = (living.producers, living.consumers);
        for index in CONSUMER_SLOT + 1..layout.slot_count {
            // ORDERING: Relaxed; what nobody has ever had counts nothing.
            if memory.load64(layout.slot(index) + slot::STATE, Ordering::Relaxed) == 0 {
                continue;
            }
            // ORDERING: Relaxed; counters for people, which damage may have made as large as can be.
            let count = |at| memory.load64(layout.slot(index) + at, Ordering::Relaxed);
            stats.aborted = stats.aborted.wrapping_add(count(slot::ABORTED));
            stats.full = stats.full.wrapping_add(count(slot::FULL));
        }
        Ok(stats)
    }
}

/// Where the records end, by the tail that was found.
pub(super) fn end<M: Memory>(memory: &M, layout: &Layout, tail: u64) -> u64 {
    match layout.kind {
        Kind::Spsc => tail,
        // Damage is for others to tell.
        Kind::Mpsc => mpsc::Chain::new(layout).end(memory, tail).unwrap_or(tail),
    }
}

/// The counters that belong to a head and a tail.
fn counters<M: Memory>(layout: &Layout, memory: &M) -> Stats {
    let writer = layout.slot(PRODUCER_SLOT) + slot::LEDGER;
    let reader = layout.slot(CONSUMER_SLOT) + slot::LEDGER;
    let mut positions = (0, 0);
    let mut entries = (None, None);
    for _ in 0..TRIES {
        // ORDERING: Acquire; the ledger's entry of a position is written before it. The head is
        // loaded first, so that it is not past the tail. Partners: the publications of both.
        let head = memory.load64(layout.control + control::HEAD, Ordering::Acquire);
        let tail = memory.load64(layout.control + control::TAIL, Ordering::Acquire);
        positions = (head, end(memory, layout, tail));
        // The ledgers of many producers are no matter of one tail.
        let written = match layout.kind {
            Kind::Spsc => ledger::read(memory, writer, tail),
            Kind::Mpsc => Some(Entry::default()),
        };
        entries = (ledger::read(memory, reader, head), written);
        if entries.0.is_some() && entries.1.is_some() {
            break;
        }
        std::hint::spin_loop();
    }
    let read = entries.0.unwrap_or_else(|| ledger::latest(memory, reader));
    let Entry { records: written, .. } = entries.1.unwrap_or_else(|| ledger::latest(memory, writer));
    Stats {
        written,
        read: read.records,
        abandoned: read.abandoned,
        records_waiting: written.saturating_sub(read.records),
        bytes_waiting: positions.1.saturating_sub(positions.0).min(layout.capacity as u64),
        ..Stats::default()
    }
}
