//! A memory whose user is killed after so many operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shmring::memory::Memory;

/// The memory of a process that is killed: from then on nothing that it does happens. Its code runs
/// on as a ghost, since it cannot be stopped from here, but leaves no trace. Copies are handles of
/// the same process.
#[derive(Clone)]
pub struct Mortal<M> {
    memory: M,
    operations_left: Arc<AtomicUsize>,
}

impl<M: Memory> Mortal<M> {
    pub fn new(memory: M) -> Self {
        Mortal { memory, operations_left: Arc::new(AtomicUsize::new(usize::MAX)) }
    }

    /// Kills it after `operations` more. Looks and fences count too, so between any two effects
    /// there is a number that kills there.
    pub fn kill_after(&self, operations: usize) {
        self.operations_left.store(operations, Ordering::Relaxed);
    }

    pub fn is_dead(&self) -> bool {
        self.operations_left.load(Ordering::Relaxed) == 0
    }

    /// Counts one operation: its result if it is still done, else what a ghost is told.
    fn one<T>(&self, ghost: T, operation: impl FnOnce(&M) -> T) -> T {
        let left = self.operations_left.load(Ordering::Relaxed);
        self.operations_left.store(left.saturating_sub(1), Ordering::Relaxed);
        if left > 0 { operation(&self.memory) } else { ghost }
    }
}

// SAFETY: what happens at all happens in the memory inside, which keeps the promises. What a ghost
// is told, it acts on only through this memory.
unsafe impl<M: Memory> Memory for Mortal<M> {
    fn load32(&self, at: usize, order: Ordering) -> u32 {
        self.one(0, |memory| memory.load32(at, order))
    }

    fn store32(&self, at: usize, value: u32, order: Ordering) {
        self.one((), |memory| memory.store32(at, value, order));
    }

    fn add32(&self, at: usize, value: u32, order: Ordering) -> u32 {
        self.one(0, |memory| memory.add32(at, value, order))
    }

    fn load64(&self, at: usize, order: Ordering) -> u64 {
        self.one(0, |memory| memory.load64(at, order))
    }

    fn store64(&self, at: usize, value: u64, order: Ordering) {
        self.one((), |memory| memory.store64(at, value, order));
    }

    fn compare_exchange64(
        &self,
        at: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.one(Ok(current), |memory| memory.compare_exchange64(at, current, new, success, failure))
    }

    unsafe fn copy_in(&self, at: usize, source: *const u8, length: usize) {
        // SAFETY: the caller's contract.
        self.one((), |memory| unsafe { memory.copy_in(at, source, length) });
    }

    unsafe fn copy_out(&self, at: usize, target: *mut u8, length: usize) {
        // SAFETY: the caller's contract.
        self.one((), |memory| unsafe { memory.copy_out(at, target, length) });
    }

    fn fence(&self, order: Ordering) {
        self.one((), |memory| memory.fence(order));
    }

    fn publisher_fence(&self) {
        self.one((), Memory::publisher_fence);
    }

    fn sleeper_fence(&self) -> bool {
        self.one(true, Memory::sleeper_fence)
    }

    fn wait32(&self, at: usize, expected: u32, limit: Duration) {
        self.one((), |memory| memory.wait32(at, expected, limit));
    }

    fn wake32(&self, at: usize) {
        self.one((), |memory| memory.wake32(at));
    }
}
