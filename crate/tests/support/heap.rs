//! [`Memory`] in the memory of this process: real atomics, every access checked against the layout.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::time::Duration;

use shmring::layout::{CONSUMER_SLOT, Kind, Layout, control, slot};
use shmring::memory::Memory;
use shmring::ring::spsc::PRODUCER_SLOT;

/// More operations than any single call needs, whatever the memory holds.
const MOST_OPERATIONS: usize = 10_000;

struct Shared {
    layout: Layout,
    words: Box<[AtomicU64]>,
    operations: AtomicUsize,
}

/// A segment without its file; copies are handles of the same one.
#[derive(Clone)]
pub struct HeapMemory(Arc<Shared>);

impl HeapMemory {
    /// An empty ring in which `position` bytes have passed.
    pub fn new(layout: Layout, position: u64) -> Self {
        let words = (0..layout.size / 8).map(|_| AtomicU64::new(0)).collect();
        let memory = HeapMemory(Arc::new(Shared { layout, words, operations: AtomicUsize::new(0) }));
        memory.set(layout.control + control::TAIL, position);
        memory.set(layout.control + control::HEAD, position);
        // The producers' ledgers of an `mpsc` ring are stamped by reservations, not by the tail.
        let stamped: &[u32] = match layout.kind {
            Kind::Spsc => &[CONSUMER_SLOT, PRODUCER_SLOT],
            Kind::Mpsc => &[CONSUMER_SLOT],
        };
        for &slot in stamped {
            memory.set(layout.slot(slot) + slot::LEDGER, position);
            memory.set(layout.slot(slot) + slot::LEDGER + slot::LEDGER_ENTRY_BYTES, position);
        }
        memory
    }

    /// Another segment that holds the same.
    pub fn duplicate(&self) -> Self {
        let words = self.0.words.iter().map(|word| AtomicU64::new(word.load(Ordering::Relaxed))).collect();
        HeapMemory(Arc::new(Shared { layout: self.0.layout, words, operations: AtomicUsize::new(0) }))
    }

    pub fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// What the word at `at` holds, past all checks.
    pub fn get(&self, at: usize) -> u64 {
        self.0.words[at / 8].load(Ordering::Relaxed)
    }

    /// Changes the word at `at`, past all checks.
    pub fn set(&self, at: usize, value: u64) {
        self.0.words[at / 8].store(value, Ordering::Relaxed);
    }

    /// To be called before each call that is tested: one that does not end is a failure, not a hang.
    pub fn count_operations_anew(&self) {
        self.0.operations.store(0, Ordering::Relaxed);
    }

    fn at(&self, offset: usize, length: usize) -> *mut u8 {
        let operations = self.0.operations.fetch_add(1, Ordering::Relaxed);
        assert!(operations < MOST_OPERATIONS, "a call does not end");
        let layout = self.layout();
        assert!(offset >= layout.control, "the header is not read again: {offset}");
        assert!(offset + length <= layout.size, "{length} bytes at {offset} lie past the end");
        // SAFETY: within the words, as just checked.
        unsafe { self.0.words.as_ptr().cast_mut().cast::<u8>().add(offset) }
    }

    fn word(&self, offset: usize, length: usize) -> *mut u8 {
        assert_eq!(offset % length, 0, "the word at {offset} is not aligned");
        let layout = self.layout();
        let after_slots = layout.slot(layout.slot_count);
        assert!(offset < after_slots || offset >= layout.chain, "no word lies at {offset}");
        self.at(offset, length)
    }

    fn narrow(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: aligned and within the words, which are atomics too.
        unsafe { AtomicU32::from_ptr(self.word(offset, 4).cast()) }
    }

    fn wide(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: aligned and within the words, which are atomics too.
        unsafe { AtomicU64::from_ptr(self.word(offset, 8).cast()) }
    }

    fn payload(&self, offset: usize, length: usize) -> *mut u8 {
        assert!(offset >= self.layout().data, "payloads lie in the data area, not at {offset}");
        self.at(offset, length)
    }
}

// SAFETY: the words are the processor's atomics, kept alive by every handle.
unsafe impl Memory for HeapMemory {
    fn load32(&self, at: usize, order: Ordering) -> u32 {
        self.narrow(at).load(order)
    }

    fn store32(&self, at: usize, value: u32, order: Ordering) {
        self.narrow(at).store(value, order);
    }

    fn add32(&self, at: usize, value: u32, order: Ordering) -> u32 {
        self.narrow(at).fetch_add(value, order)
    }

    fn load64(&self, at: usize, order: Ordering) -> u64 {
        self.wide(at).load(order)
    }

    fn store64(&self, at: usize, value: u64, order: Ordering) {
        self.wide(at).store(value, order);
    }

    fn compare_exchange64(
        &self,
        at: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.wide(at).compare_exchange(current, new, success, failure)
    }

    unsafe fn copy_in(&self, at: usize, source: *const u8, length: usize) {
        // SAFETY: the target lies within the words; the caller's contract for the source.
        unsafe { ptr::copy(source, self.payload(at, length), length) }
    }

    unsafe fn copy_out(&self, at: usize, target: *mut u8, length: usize) {
        // SAFETY: the source lies within the words; the caller's contract for the target.
        unsafe { ptr::copy(self.payload(at, length), target, length) }
    }

    fn fence(&self, order: Ordering) {
        fence(order);
    }

    /// Returns at once, as a spurious wake would.
    fn wait32(&self, at: usize, _expected: u32, _limit: Duration) {
        self.narrow(at);
    }

    fn wake32(&self, at: usize) {
        self.narrow(at);
    }
}
