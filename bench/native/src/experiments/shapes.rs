//! Where a byte ring has its words and its records: one type for each variant.

const LINE: usize = 64;

/// The yardstick's shape, unless a variant says otherwise. All offsets are those of the control words.
pub trait Shape: Copy + Send + 'static {
    /// Records start and end at multiples of this.
    const ALIGN: usize = 8;
    /// Records between two stores of the tail.
    const EVERY: usize = 1;
    /// Whether the consumer gives room back after each record, or once a drain.
    const RELEASE_EACH: bool = false;
    const HEAD: usize = 0;
    const TAIL: usize = 2 * LINE;
    /// Where the producer keeps its counters; `None`: nowhere.
    const WRITTEN: Option<Counters> = None;
    /// The same of the consumer.
    const READ: Option<Counters> = None;
    /// Words that the producer looks at before each record. They stay zero.
    const FLAGS: &'static [usize] = &[];
}

/// Counters that change with a position.
#[derive(Clone, Copy)]
pub enum Counters {
    /// The number of records, a plain store.
    Count(usize),
    /// Two entries of stamp, records and another count, written in turn, as `crate/src/ledger.rs` does.
    Ledger(usize),
}

#[derive(Clone, Copy)]
pub struct Plain;
impl Shape for Plain {}

/// Records at multiples of `N` bytes.
#[derive(Clone, Copy)]
pub struct Aligned<const N: usize>;
impl<const N: usize> Shape for Aligned<N> {
    const ALIGN: usize = N;
}

/// The tail stored after every `N` records.
#[derive(Clone, Copy)]
pub struct Every<const N: usize>;
impl<const N: usize> Shape for Every<N> {
    const EVERY: usize = N;
}

#[derive(Clone, Copy)]
pub struct ReleasedEach;
impl Shape for ReleasedEach {
    const RELEASE_EACH: bool = true;
}

/// The tail `N` bytes behind the head.
#[derive(Clone, Copy)]
pub struct Apart<const N: usize>;
impl<const N: usize> Shape for Apart<N> {
    const TAIL: usize = N;
}

#[derive(Clone, Copy)]
pub struct CountBesideTail;
impl Shape for CountBesideTail {
    const WRITTEN: Option<Counters> = Some(Counters::Count(Self::TAIL + 8));
}

/// The producer's ledger in the line of the tail.
#[derive(Clone, Copy)]
pub struct LedgerBesideTail;
impl Shape for LedgerBesideTail {
    const WRITTEN: Option<Counters> = Some(Counters::Ledger(Self::TAIL + 8));
}

/// The producer's ledger in a line that nobody else looks at.
#[derive(Clone, Copy)]
pub struct LedgerApart;
impl Shape for LedgerApart {
    const WRITTEN: Option<Counters> = Some(Counters::Ledger(16 * LINE));
}

/// Both ledgers in the line of their positions.
#[derive(Clone, Copy)]
pub struct LedgersBeside;
impl Shape for LedgersBeside {
    const WRITTEN: Option<Counters> = LedgerBesideTail::WRITTEN;
    const READ: Option<Counters> = Some(Counters::Ledger(Self::HEAD + 8));
}

/// Both ledgers in lines of their own.
#[derive(Clone, Copy)]
pub struct LedgersApart;
impl Shape for LedgersApart {
    const WRITTEN: Option<Counters> = LedgerApart::WRITTEN;
    const READ: Option<Counters> = Some(Counters::Ledger(20 * LINE));
}

/// Two flags in a line that is not written.
#[derive(Clone, Copy)]
pub struct FlagsTogether;
impl Shape for FlagsTogether {
    const FLAGS: &'static [usize] = &[16 * LINE, 16 * LINE + 8];
}

/// Two flags in two lines that are not written.
#[derive(Clone, Copy)]
pub struct FlagsApart;
impl Shape for FlagsApart {
    const FLAGS: &'static [usize] = &[16 * LINE, 20 * LINE];
}

/// Two flags in the line of the tail.
#[derive(Clone, Copy)]
pub struct FlagsBesideTail;
impl Shape for FlagsBesideTail {
    const FLAGS: &'static [usize] = &[Self::TAIL + 8, Self::TAIL + 16];
}

/// Two flags in the line of the head.
#[derive(Clone, Copy)]
pub struct FlagsBesideHead;
impl Shape for FlagsBesideHead {
    const FLAGS: &'static [usize] = &[Self::HEAD + 8, Self::HEAD + 16];
}

/// Both ledgers in lines of their own, and two flags in the consumer's.
#[derive(Clone, Copy)]
pub struct FlagsBesideLedger;
impl Shape for FlagsBesideLedger {
    const WRITTEN: Option<Counters> = LedgersApart::WRITTEN;
    const READ: Option<Counters> = LedgersApart::READ;
    const FLAGS: &'static [usize] = &[20 * LINE + 48, 20 * LINE + 56];
}

/// As shmring has it: ledgers in lines of their own, flags in two others.
#[derive(Clone, Copy)]
pub struct Shipped;
impl Shape for Shipped {
    const WRITTEN: Option<Counters> = LedgersApart::WRITTEN;
    const READ: Option<Counters> = LedgersApart::READ;
    const FLAGS: &'static [usize] = &[4 * LINE, 24 * LINE];
}
