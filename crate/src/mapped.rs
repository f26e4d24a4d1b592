//! [`Memory`] over a mapped segment: the only place that turns offsets into pointers.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::time::Duration;

use crate::barrier;
use crate::futex;
use crate::layout::{Layout, control};
use crate::mapping::Mapping;
use crate::memory::Memory;

/// A view of a mapped segment. Copying it copies the address; the mapping must outlive it, which
/// is why only the owners of mappings make and keep such views.
#[derive(Debug, Clone, Copy)]
pub struct MappedMemory {
    base: NonNull<u8>,
    size: usize,
    full_fences: usize,
    registered: bool,
}

// SAFETY: the view is an address; what lies there is only touched through atomics and raw copies,
// and the users of one copy of the view are owned by one thread at a time.
unsafe impl Send for MappedMemory {}

impl MappedMemory {
    /// A view of `mapping`.
    ///
    /// # Safety
    /// `mapping` must stay mapped for as long as the view is used; retiring it is harmless.
    pub unsafe fn new(mapping: &Mapping, layout: &Layout) -> Self {
        assert!(mapping.length() >= layout.size);
        // SAFETY: the caller's contract.
        unsafe { MappedMemory::without_data(mapping, layout) }
    }

    /// A view of `mapping` for those who look at no record: it need not have the data area.
    ///
    /// # Safety
    /// As for [`MappedMemory::new`]; no offset from `layout.data` on may be used, unless it is mapped.
    pub unsafe fn without_data(mapping: &Mapping, layout: &Layout) -> Self {
        assert!(mapping.length() >= layout.data);
        let base = NonNull::new(mapping.base()).expect("a mapping has an address");
        let full_fences = layout.control + control::FULL_FENCES;
        MappedMemory { base, size: mapping.length(), full_fences, registered: barrier::registered() }
    }

    /// Tells the publishers of this segment for good whether a sleeper came who has no asymmetric
    /// barrier. To be called at attach by whoever may sleep, on a writable mapping.
    pub fn require_fences_if_unregistered(&self) {
        if !self.registered {
            self.require_fences();
        }
    }

    /// Whether every publisher that looks from now on uses a full fence.
    pub fn requires_fences(&self) -> bool {
        // ORDERING: Relaxed; sticky. Who goes by it waits much longer than a processor keeps a store.
        self.load32(self.full_fences, Ordering::Relaxed) != 0
    }

    fn require_fences(&self) {
        // ORDERING: SeqCst fence after the store: it is out before the announcement that follows.
        // Partner: publisher_fence.
        self.store32(self.full_fences, 1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    #[inline(always)]
    fn at(&self, offset: usize, length: usize) -> *mut u8 {
        debug_assert!(offset <= self.size && length <= self.size - offset);
        // SAFETY: offsets are constants of the layout or masked positions, within the mapping.
        unsafe { self.base.as_ptr().add(offset) }
    }

    #[inline(always)]
    fn word32(&self, at: usize) -> &AtomicU32 {
        debug_assert!(at.is_multiple_of(4));
        // SAFETY: aligned, within the mapping, and accessed by everybody as an atomic of this size.
        unsafe { AtomicU32::from_ptr(self.at(at, 4).cast()) }
    }

    #[inline(always)]
    fn word64(&self, at: usize) -> &AtomicU64 {
        debug_assert!(at.is_multiple_of(8));
        // SAFETY: aligned, within the mapping, and accessed by everybody as an atomic of this size.
        unsafe { AtomicU64::from_ptr(self.at(at, 8).cast()) }
    }
}

// SAFETY: the word methods are the processor's atomics on memory that the constructor's contract
// keeps mapped.
unsafe impl Memory for MappedMemory {
    #[inline(always)]
    fn load32(&self, at: usize, order: Ordering) -> u32 {
        self.word32(at).load(order)
    }

    #[inline(always)]
    fn store32(&self, at: usize, value: u32, order: Ordering) {
        self.word32(at).store(value, order);
    }

    #[inline(always)]
    fn add32(&self, at: usize, value: u32, order: Ordering) -> u32 {
        self.word32(at).fetch_add(value, order)
    }

    #[inline(always)]
    fn load64(&self, at: usize, order: Ordering) -> u64 {
        self.word64(at).load(order)
    }

    #[inline(always)]
    fn store64(&self, at: usize, value: u64, order: Ordering) {
        self.word64(at).store(value, order);
    }

    #[inline(always)]
    fn compare_exchange64(
        &self,
        at: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.word64(at).compare_exchange(current, new, success, failure)
    }

    #[inline(always)]
    unsafe fn copy_in(&self, at: usize, source: *const u8, length: usize) {
        // SAFETY: the caller's contract. `copy` and not `copy_nonoverlapping`, since the record
        // that a user hands in may itself be a view of this ring.
        unsafe { ptr::copy(source, self.at(at, length), length) }
    }

    #[inline(always)]
    unsafe fn copy_out(&self, at: usize, target: *mut u8, length: usize) {
        // SAFETY: the caller's contract.
        unsafe { ptr::copy(self.at(at, length), target, length) }
    }

    #[inline(always)]
    fn expect_write(&self, at: usize) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a hint for an address within the mapping; it accesses nothing.
        unsafe {
            core::arch::asm!("prefetchw [{}]", in(reg) self.at(at, 1), options(nostack, preserves_flags, readonly));
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = at;
    }

    #[inline(always)]
    fn expect_read(&self, at: usize) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a hint for an address within the mapping; it accesses nothing.
        unsafe {
            core::arch::asm!("prefetcht0 [{}]", in(reg) self.at(at, 1), options(nostack, preserves_flags, readonly));
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = at;
    }

    #[inline(always)]
    fn pause(&self) {
        std::hint::spin_loop();
    }

    #[inline(always)]
    fn fence(&self, order: Ordering) {
        fence(order);
    }

    #[inline(always)]
    fn publisher_fence(&self) {
        // Before the look at the word too: whoever is stopped after that has published. See attached::fenced.
        barrier::light();
        // ORDERING: Relaxed; sticky, and a sleeper who set it too late for us sleeps one slice.
        if !self.registered || self.load32(self.full_fences, Ordering::Relaxed) != 0 {
            // ORDERING: SeqCst; partner: sleeper_fence.
            fence(Ordering::SeqCst);
        }
    }

    fn sleeper_fence(&self) -> bool {
        let everywhere = barrier::heavy();
        // It worked at attach: a sandbox may have been entered since.
        if !everywhere && self.registered {
            self.require_fences();
        }
        everywhere
    }

    fn wait32(&self, at: usize, expected: u32, limit: Duration) {
        futex::wait(self.word32(at), expected, limit);
    }

    fn wake32(&self, at: usize) {
        futex::wake(self.word32(at));
    }
}
