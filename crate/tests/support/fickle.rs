//! A memory that another process writes between any two looks at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use shmring::memory::Memory;

/// Loads tell now and then what somebody has just written there: a flipped bit, a little more or less,
/// or anything. Half of it stays, the other half is gone at the next look. Copies share their luck.
#[derive(Clone)]
pub struct Fickle<M> {
    memory: M,
    luck: Arc<AtomicU64>,
    rarity: Arc<AtomicU32>,
}

impl<M: Memory> Fickle<M> {
    /// A memory that is as true as the one inside, for now.
    pub fn new(memory: M, seed: u64) -> Self {
        let (luck, rarity) = (Arc::new(AtomicU64::new(seed)), Arc::new(AtomicU32::new(64)));
        Fickle { memory, luck, rarity }
    }

    /// From now on one load in `1 << rarity` is a wrong one.
    pub fn become_fickle(&self, rarity: u32) {
        self.rarity.store(rarity, Ordering::Relaxed);
    }

    /// The next number that follows from the seed (splitmix64).
    fn next(&self) -> u64 {
        let state = self.luck.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// What a load of `word` finds, and whether it stays.
    fn found(&self, word: u64) -> (u64, bool) {
        let rarity = self.rarity.load(Ordering::Relaxed);
        if self.next() & (u64::MAX >> (64 - rarity)) != 0 {
            return (word, false);
        }
        let dice = self.next();
        let found = match dice >> 8 & 3 {
            0 => word ^ 1 << (dice >> 16 & 63),
            1 => word.wrapping_add(8 * (dice >> 16 & 1023)).wrapping_sub(4096),
            2 => word.wrapping_add(dice >> 16 & 7),
            _ => self.next(),
        };
        (found, dice >> 10 & 1 == 0)
    }
}

// SAFETY: every access is one of the memory inside.
unsafe impl<M: Memory> Memory for Fickle<M> {
    fn load32(&self, at: usize, order: Ordering) -> u32 {
        let (found, stays) = self.found(self.memory.load32(at, order).into());
        if stays {
            self.memory.store32(at, found as u32, Ordering::Relaxed);
        }
        found as u32
    }

    fn store32(&self, at: usize, value: u32, order: Ordering) {
        self.memory.store32(at, value, order);
    }

    fn add32(&self, at: usize, value: u32, order: Ordering) -> u32 {
        self.memory.add32(at, value, order)
    }

    fn load64(&self, at: usize, order: Ordering) -> u64 {
        let (found, stays) = self.found(self.memory.load64(at, order));
        if stays {
            self.memory.store64(at, found, Ordering::Relaxed);
        }
        found
    }

    fn store64(&self, at: usize, value: u64, order: Ordering) {
        self.memory.store64(at, value, order);
    }

    fn compare_exchange64(
        &self,
        at: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.load64(at, Ordering::Relaxed);
        self.memory.compare_exchange64(at, current, new, success, failure)
    }

    unsafe fn copy_in(&self, at: usize, source: *const u8, length: usize) {
        // SAFETY: the caller's contract.
        unsafe { self.memory.copy_in(at, source, length) };
    }

    unsafe fn copy_out(&self, at: usize, target: *mut u8, length: usize) {
        // SAFETY: the caller's contract.
        unsafe { self.memory.copy_out(at, target, length) };
    }

    fn fence(&self, order: Ordering) {
        self.memory.fence(order);
    }

    fn wait32(&self, at: usize, expected: u32, limit: Duration) {
        self.memory.wait32(at, expected, limit);
    }

    fn wake32(&self, at: usize) {
        self.memory.wake32(at);
    }
}
