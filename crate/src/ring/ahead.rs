//! Where a producer will write soon, so that it can ask for those lines early.

/// How many bytes before it writes to a line a producer asks for it, at least. The line is in the consumer's
/// cache, and a store to it takes its way between two cores; stores become visible in order, so the
/// queue of those that wait behind it, JavaScript's own among them, fills up within one record. Asked
/// for this early it is there when the store comes. NB: bench/run.mjs, docs/benchmarks.md.
pub(super) const AHEAD: u64 = 1024;

/// The first and the last byte of the record that will lie some way behind the one of `bytes` at `start`, if it
/// is as long, unless it may not be released yet: the head was last seen at `head`. What lies between follows
/// by itself: a copy asks for its lines all at once.
#[inline(always)]
pub(super) fn ends_ahead(start: u64, bytes: u64, head: u64, capacity: u64) -> Option<[u64; 2]> {
    let first = start + AHEAD.max(4 * bytes);
    let last = first + bytes - 1;
    (last - head < capacity).then_some([first, last])
}
