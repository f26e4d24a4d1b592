//! Where everything lies in a segment: every offset is a named constant, every rule an assertion.
//!
//! ```text
//! 0          header     one page, immutable once published
//! 4096       control    words that change: tail, head, state (CONTROL_BYTES)
//! 5120       slots      slot::BYTES each: slot 0 is the consumer's, 1.. the producers'
//! page       chain      `mpsc` only: a word of 8 bytes for each GRANULE of the data
//! page       data       `capacity` bytes
//! ```
//!
//! Words that different parties write lie [`LINE`] bytes apart. TypeScript gets what it needs of
//! these numbers from the addon and repeats none.

/// Distance that keeps two words out of each other's cache line: x86 fetches lines of 64 bytes in
/// pairs, and some ARM cores have lines of 128 bytes.
pub const LINE: usize = 128;
pub const PAGE: usize = 4096;

/// `shmring\0`, read as a little-endian word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"shmring\0");
/// Layout version. Frozen: what lies where, and what it means, changes with this number alone, by the
/// rules of docs/format.md. The golden segments of test/golden hold every build to it.
pub const VERSION: u32 = 1;
/// Reads back as another number on a machine of the other byte order.
pub const BYTE_ORDER: u32 = 0x0102_0304;

/// The least capacity of an `spsc` ring in bytes.
pub const MIN_CAPACITY_SPSC: u64 = 4 << 10;
/// The least capacity of an `mpsc` ring in bytes.
pub const MIN_CAPACITY_MPSC: u64 = 64 << 10;
/// The largest capacity of any ring in bytes.
pub const MAX_CAPACITY: u64 = 1 << 30;
/// Capacity where none is asked for.
pub const DEFAULT_CAPACITY: u64 = 1 << 20;

/// Bytes of a record before its payload; see [`crate::record`].
pub const RECORD_HEADER: usize = 8;
/// Records start and end at multiples of this.
pub const RECORD_ALIGN: usize = 8;
/// In an `mpsc` ring records start and end at multiples of this, a line of most machines: two
/// producers never write to the same one.
pub const GRANULE: usize = 64;
/// The most granules of an `mpsc` reservation: what fits into its word.
pub const MAX_GRANULES: usize = (1 << 14) - 1;

/// Offsets of the header's fields, from the start of the segment. All integers are of the
/// creator's byte order; [`BYTE_ORDER`] tells which that was.
pub mod header {
    /// u64, [`super::MAGIC`].
    pub const MAGIC: usize = 0;
    /// u32, [`super::VERSION`].
    pub const VERSION: usize = 8;
    /// u32, [`super::BYTE_ORDER`].
    pub const BYTE_ORDER: usize = 12;
    /// u32, [`super::Kind`].
    pub const KIND: usize = 16;
    /// u32, permission bits of the file: 0o600 or 0o660.
    pub const MODE: usize = 20;
    /// u32, [`super::Lifetime`].
    pub const LIFETIME: usize = 24;
    /// u32, number of slots, the consumer's included.
    pub const SLOT_COUNT: usize = 28;
    /// u64, bytes of the data area.
    pub const CAPACITY: usize = 32;
    /// u64, bytes of the whole segment.
    pub const SIZE: usize = 40;
    /// u64, offset of the control words.
    pub const CONTROL: usize = 48;
    /// u64, offset of the first slot.
    pub const SLOTS: usize = 56;
    /// u64, offset of the data area.
    pub const DATA: usize = 64;
    /// u64, feature bits; an unknown one is refused.
    pub const FEATURES: usize = 72;
    /// 16 bytes, random identity of this segment.
    pub const ID: usize = 80;
    /// u64, creation time in milliseconds since 1970.
    pub const CREATED: usize = 96;
    /// u64, offset of the chain's words; the data's offset where there are none.
    pub const CHAIN: usize = 104;
    /// u64, FNV-1a of every byte of the header before this one.
    pub const CHECKSUM: usize = 112;
    /// Bytes of the header that mean something; the rest of the page must be zero.
    pub const BYTES: usize = 120;
}

/// Bytes whose OFD locks mean something, besides the first byte of each slot. What the bytes hold
/// does not matter.
pub mod locks {
    use super::header;
    /// Held, shared, by everybody who is attached to a segment of lifetime `attached`; held for
    /// itself by whoever removes such a segment because nobody is.
    pub const ATTACHED: usize = header::LIFETIME;
    /// Held by whoever is removing the segment's name.
    pub const REMOVAL: usize = header::MAGIC;
}

/// Offsets of the control words, from [`Layout::control`].
pub mod control {
    use super::LINE;
    /// u64, position up to which records are committed (`spsc`) or space is taken (`mpsc`).
    pub const TAIL: usize = 0;
    /// u64, position up to which records are released; the consumer writes it.
    pub const HEAD: usize = LINE;
    /// u32, 1 once the ring is sealed, for ever.
    pub const SEALED: usize = 2 * LINE;
    /// u32, 1 once somebody attached who cannot use the asymmetric barrier, for ever.
    pub const FULL_FENCES: usize = 2 * LINE + 8;
    /// u32, 1 when the producer that left last, with no other alive, closed.
    pub const CLOSED_LAST: usize = 2 * LINE + 16;
    /// Four u64, a bit a slot: `mpsc` producers that sleep until there is room. A bit is set and
    /// cleared by the slot's owner.
    pub const WAITERS: usize = 3 * LINE;
    pub const WAITER_WORDS: usize = 4;
    pub const BYTES: usize = 8 * LINE;
}

/// Offsets of a slot's words, from [`Layout::slot`].
pub mod slot {
    use super::LINE;

    // The first line: who owns it. Hints for people, but for the state.
    /// u64, see [`crate::owners`]: the attachment's number and whether it is held.
    /// The OFD lock of the byte at this offset is what decides whether the owner lives.
    pub const STATE: usize = 0;
    /// u32.
    pub const PID: usize = 8;
    /// u32, bytes of the label in use.
    pub const LABEL_LENGTH: usize = 12;
    /// u64, start time of the process in clock ticks since boot, as in `/proc/PID/stat`.
    pub const STARTED: usize = 16;
    /// u64, when the slot was taken, in milliseconds since 1970.
    pub const SINCE: usize = 24;
    /// u64, the ledger's count when the slot was taken.
    pub const BASE_COUNT: usize = 32;
    /// UTF-8, [`LABEL_BYTES`] bytes.
    pub const LABEL: usize = 40;
    pub const LABEL_BYTES: usize = 64;
    // The three that follow came later, in bytes that were reserved: see `crate::ages`.
    /// u64, when the slot was taken, in milliseconds since boot; 0 where it is not known.
    pub const BOOT: usize = 104;
    /// u64, the state word of the attachment that these and [`CLAIM_BOOT`] are of.
    pub const BOOT_STATE: usize = 112;
    /// u64, whose time since boot: the number of a time namespace.
    pub const BOOT_CLOCK: usize = 120;

    // The second line: its sleep. Kept for the life of the segment, see `crate::sleep`.
    /// u32, odd while the owner sleeps; a new number at each entry.
    pub const SLEEP: usize = LINE;
    /// u32, the futex word.
    pub const EPOCH: usize = LINE + 4;
    /// u64, a wish. A producer's: the head that it waits for. An `mpsc` consumer's: the slot whose
    /// reservation it waits at, or 0 when any publication will do.
    pub const WANTED: usize = LINE + 8;

    // The third line: its ledger, two entries of counters stamped with a position.
    pub const LEDGER: usize = 2 * LINE;
    pub const LEDGER_ENTRY_BYTES: usize = 32;
    /// u32, 1 while a producer is inside a write or has a claim open.
    pub const WRITING: usize = 2 * LINE + 2 * LEDGER_ENTRY_BYTES;

    // The fourth line: counters that need not agree with a position, and the open claim.
    /// u64, refusals because the ring was full.
    pub const FULL: usize = 3 * LINE;
    /// u64, claims given back by their living owner.
    pub const ABORTED: usize = 3 * LINE + 8;
    /// u64, position of the open claim.
    pub const CLAIM_POSITION: usize = 3 * LINE + 16;
    /// u64, bytes of the open claim plus one; zero when none is open.
    pub const CLAIM_BYTES: usize = 3 * LINE + 24;
    /// u64, when the claim was made, in milliseconds since 1970.
    pub const CLAIM_SINCE: usize = 3 * LINE + 32;
    /// u64 in the consumer's slot, which never has a claim: the ledger's count when the slot was taken.
    /// [`BASE_COUNT`] is 0 there, as golden segments have it.
    pub const CONSUMER_BASE_COUNT: usize = CLAIM_SINCE;
    /// u64, `mpsc`: no reservation of this owner lies before this position.
    pub const FLOOR: usize = 3 * LINE + 40;
    /// u64, `mpsc`: the ledger's entry of this stamp is void, because its reservation was abandoned.
    pub const VOID: usize = 3 * LINE + 48;
    /// u64, when the claim was made, in milliseconds since boot; came later, see [`BOOT_STATE`].
    pub const CLAIM_BOOT: usize = 3 * LINE + 56;

    pub const BYTES: usize = 4 * LINE;

    const _: () = {
        assert!(LABEL + LABEL_BYTES <= BOOT && LABEL.is_multiple_of(8) && BOOT_CLOCK + 8 <= LINE);
        assert!(WANTED + 8 <= 2 * LINE && WANTED.is_multiple_of(8) && EPOCH.is_multiple_of(4));
        assert!(WRITING + 4 <= 3 * LINE && LEDGER_ENTRY_BYTES.is_multiple_of(8));
        assert!(CLAIM_BOOT + 8 <= BYTES && BYTES.is_multiple_of(LINE));
    };
}

const _: () = {
    assert!(header::ID + 16 == header::CREATED && header::CHECKSUM + 8 == header::BYTES);
    assert!(header::BYTES <= PAGE && header::CAPACITY.is_multiple_of(8) && header::CHAIN.is_multiple_of(8));
    assert!(control::CLOSED_LAST + 4 <= control::WAITERS);
    assert!(
        control::WAITERS + 8 * control::WAITER_WORDS <= control::BYTES && control::BYTES.is_multiple_of(LINE)
    );
    assert!((MIN_CAPACITY_SPSC as usize).is_multiple_of(PAGE) && MAX_CAPACITY.is_power_of_two());
};

/// The two protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Spsc = 1,
    Mpsc = 2,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Spsc => "spsc",
            Kind::Mpsc => "mpsc",
        }
    }

    pub const fn from_number(number: u32) -> Option<Kind> {
        match number {
            1 => Some(Kind::Spsc),
            2 => Some(Kind::Mpsc),
            _ => None,
        }
    }

    /// The least capacity in bytes.
    pub const fn min_capacity(self) -> u64 {
        match self {
            Kind::Spsc => MIN_CAPACITY_SPSC,
            Kind::Mpsc => MIN_CAPACITY_MPSC,
        }
    }

    /// Slots of a segment of this kind: the consumer's and the producers'.
    pub const fn slot_count(self) -> u32 {
        match self {
            Kind::Spsc => 2,
            Kind::Mpsc => 255,
        }
    }
}

/// Who removes the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Somebody calls unlink.
    Persistent = 1,
    /// The last to detach; after a general kill, the next create of that name.
    Attached = 2,
}

impl Lifetime {
    pub const fn name(self) -> &'static str {
        match self {
            Lifetime::Persistent => "persistent",
            Lifetime::Attached => "attached",
        }
    }

    pub const fn from_number(number: u32) -> Option<Lifetime> {
        match number {
            1 => Some(Lifetime::Persistent),
            2 => Some(Lifetime::Attached),
            _ => None,
        }
    }
}

/// The slot of the one consumer.
pub const CONSUMER_SLOT: u32 = 0;

/// Where the parts of one segment lie: a function of its kind and capacity, so that a header which
/// says otherwise is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub kind: Kind,
    /// Bytes of the data area, a power of two.
    pub capacity: usize,
    pub slot_count: u32,
    /// Offset of the control words.
    pub control: usize,
    /// Offset of the first slot.
    pub slots: usize,
    /// Offset of the chain's words; `data` where there are none.
    pub chain: usize,
    /// Offset of the data area.
    pub data: usize,
    /// Bytes of the whole segment.
    pub size: usize,
}

impl Layout {
    /// The layout of a ring, or `None` when `capacity` is not a power of two within the bounds.
    pub const fn new(kind: Kind, capacity: u64) -> Option<Layout> {
        if !capacity.is_power_of_two() || capacity < kind.min_capacity() || capacity > MAX_CAPACITY {
            return None;
        }
        let slot_count = kind.slot_count();
        let control = PAGE;
        let slots = control + control::BYTES;
        let chain = (slots + slot_count as usize * slot::BYTES).next_multiple_of(PAGE);
        let capacity = capacity as usize;
        let data = match kind {
            Kind::Spsc => chain,
            Kind::Mpsc => chain + capacity / GRANULE * 8,
        };
        Some(Layout { kind, capacity, slot_count, control, slots, chain, data, size: data + capacity })
    }

    /// Offset of slot `index`; its first byte is the one that the owner locks.
    pub const fn slot(&self, index: u32) -> usize {
        self.slots + index as usize * slot::BYTES
    }

    /// Bytes of the largest record.
    pub const fn max_record(&self) -> usize {
        match self.kind {
            Kind::Spsc => self.capacity - RECORD_HEADER,
            Kind::Mpsc => {
                let half = self.capacity / 2;
                let most = MAX_GRANULES * GRANULE;
                (if half < most { half } else { most }) - RECORD_HEADER
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_every_segment_follow_each_other_without_overlap() {
        for kind in [Kind::Spsc, Kind::Mpsc] {
            let mut capacity = kind.min_capacity();
            while capacity <= MAX_CAPACITY {
                let layout = Layout::new(kind, capacity).unwrap();
                assert!(header::BYTES <= layout.control);
                assert!(layout.control + control::BYTES <= layout.slots);
                assert!(layout.slot(layout.slot_count) <= layout.chain);
                let words = if kind == Kind::Mpsc { layout.capacity / GRANULE } else { 0 };
                assert!(layout.chain + 8 * words <= layout.data);
                assert_eq!(layout.data % PAGE, 0);
                assert_eq!(layout.size, layout.data + layout.capacity);
                assert!(layout.max_record() < layout.capacity);
                capacity *= 2;
            }
        }
    }

    #[test]
    fn a_capacity_that_is_no_power_of_two_or_out_of_bounds_has_no_layout() {
        for capacity in [0, 1, 4095, 4097, 6144, 2048, MAX_CAPACITY * 2, u64::MAX, 1 << 63] {
            assert_eq!(Layout::new(Kind::Spsc, capacity), None, "{capacity}");
        }
        assert_eq!(Layout::new(Kind::Mpsc, 4096), None);
    }
}
