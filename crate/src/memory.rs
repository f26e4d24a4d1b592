//! What the protocols see of a segment: words, payload, fences and a place to sleep.
//!
//! The rings are written against this trait and know neither files nor mappings, so that loom can
//! stand in for the machine. The real thing is [`crate::mapping::MappedMemory`].

use std::sync::atomic::Ordering;
use std::time::Duration;

/// Memory that several parties share. Offsets count bytes from the start of the segment.
///
/// # Safety
///
/// Implementors promise that the word methods are atomic operations of the given ordering on
/// memory that stays valid for the life of the implementor, for every aligned offset that lies
/// within the [`Layout`](crate::layout::Layout) it was made for.
pub unsafe trait Memory {
    fn load32(&self, at: usize, order: Ordering) -> u32;
    fn store32(&self, at: usize, value: u32, order: Ordering);
    fn add32(&self, at: usize, value: u32, order: Ordering) -> u32;

    fn load64(&self, at: usize, order: Ordering) -> u64;
    fn store64(&self, at: usize, value: u64, order: Ordering);
    /// Ok with the old value when it was `current`, else Err with what was there.
    fn compare_exchange64(
        &self,
        at: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64>;

    /// Copies a payload in.
    ///
    /// # Safety
    /// `source` is readable for `length` bytes and does not overlap the segment's range unless the
    /// caller owns that range; `at..at + length` lies within the data area.
    unsafe fn copy_in(&self, at: usize, source: *const u8, length: usize);

    /// Copies a payload out.
    ///
    /// # Safety
    /// `target` is writable for `length` bytes; `at..at + length` lies within the data area.
    unsafe fn copy_out(&self, at: usize, target: *mut u8, length: usize);

    /// Says that the line at `at` will soon be written. A hint, which may do nothing.
    #[inline(always)]
    fn expect_write(&self, _at: usize) {}

    /// Says that the line at `at` will soon be read. A hint, which may do nothing.
    #[inline(always)]
    fn expect_read(&self, _at: usize) {}

    /// Passes a moment in which another party may get on. Nothing depends on it.
    #[inline(always)]
    fn pause(&self) {}

    /// Orders everything before it with everything after it, as `fence(order)`.
    fn fence(&self, order: Ordering);

    /// The publisher's half of "publish, then look for a sleeper": at least a `fence(SeqCst)`
    /// against every [`Memory::sleeper_fence`]. It runs once a record, the other half once a sleep,
    /// so an implementation may move the cost there.
    fn publisher_fence(&self) {
        // ORDERING: pairs with sleeper_fence: of two parties that each store and then look, at
        // least one sees the other's store.
        self.fence(Ordering::SeqCst);
    }

    /// The sleeper's half: see [`Memory::publisher_fence`]. False: it may not have reached publishers whose
    /// half is still the cheap one. A look after it may then have missed what one of them stored before it
    /// looked, so nothing may be decided for good by it.
    fn sleeper_fence(&self) -> bool {
        // ORDERING: pairs with publisher_fence.
        self.fence(Ordering::SeqCst);
        true
    }

    /// Sleeps until the word at `at` is woken, unless it is no longer `expected`, for at most
    /// `limit`. May return at any time without a reason.
    fn wait32(&self, at: usize, expected: u32, limit: Duration);

    /// Wakes whoever sleeps on the word at `at`. Cannot fail: a sleeper looks again by itself.
    fn wake32(&self, at: usize);
}
