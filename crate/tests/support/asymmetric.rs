//! The asymmetric barrier in loom: a publisher that does not fence, and a sleeper that makes it.
//!
//! membarrier(2) returns when every other running thread has executed a full fence at some point
//! since the call. Here the sleeper asks for that and waits, and the publisher fences between two of
//! its operations when it finds itself asked, or when it ends: a thread that does not run has fenced.
//!
//! Refused, the sleeper asks for full fences instead. That in time every store is seen is modelled as a
//! barrier that comes by itself: [`Membarrier::time_passes`].

use std::sync::atomic::{AtomicBool, AtomicUsize as QuietUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use loom::sync::atomic::{AtomicUsize, fence};
use loom::thread::{self, Thread};
use shmring::memory::Memory;

use super::looming::LoomMemory;

/// What the system call does, for one publisher and one sleeper.
pub struct Membarrier {
    asked: AtomicUsize,
    /// These are touched between loom's points of interruption only.
    answered: QuietUsize,
    ended: AtomicBool,
    asking: Mutex<Option<Thread>>,
    /// False for the mutant: the sleeper fences, and makes nobody else do so.
    works: bool,
    /// Where it is refused: the word that asks for full fences.
    full_fences: Option<AtomicUsize>,
}

impl Membarrier {
    pub fn new(works: bool) -> Arc<Self> {
        Arc::new(Self::with(works, None))
    }

    pub fn refused() -> Arc<Self> {
        Arc::new(Self::with(true, Some(AtomicUsize::new(0))))
    }

    fn with(works: bool, full_fences: Option<AtomicUsize>) -> Self {
        Membarrier {
            asked: AtomicUsize::new(0),
            answered: QuietUsize::new(0),
            ended: AtomicBool::new(false),
            asking: Mutex::default(),
            works,
            full_fences,
        }
    }

    /// Between two operations of the publisher.
    fn interrupt(&self) {
        // ORDERING: Relaxed, and an update, since an interrupt is no memory access: it is seen when
        // it comes, and orders nothing by itself.
        let asked = self.asked.fetch_add(0, Ordering::Relaxed);
        if asked != self.answered.load(Ordering::Relaxed) {
            // ORDERING: SeqCst; the full fence that the sleeper asked for.
            fence(Ordering::SeqCst);
            self.answered.store(asked, Ordering::Relaxed);
            self.wake();
        }
    }

    /// At the end of the publisher's thread.
    pub fn end(&self) {
        self.interrupt();
        // ORDERING: SeqCst; a thread that is switched away from has fenced.
        fence(Ordering::SeqCst);
        self.ended.store(true, Ordering::Relaxed);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = self.asking.lock().unwrap().take() {
            thread.unpark();
        }
    }

    /// MappedMemory::sleeper_fence.
    fn ask(&self) -> bool {
        let Some(full_fences) = &self.full_fences else {
            self.impose();
            return true;
        };
        // ORDERING: as in barrier::heavy and MappedMemory::require_fences.
        fence(Ordering::SeqCst);
        full_fences.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        false
    }

    /// MappedMemory::publisher_fence.
    fn light(&self) {
        // ORDERING: Relaxed, then SeqCst, as there.
        if self.full_fences.as_ref().is_some_and(|word| word.load(Ordering::Relaxed) != 0) {
            fence(Ordering::SeqCst);
        }
    }

    /// What attached::fenced waits for: whatever the publisher had stored is seen.
    pub fn time_passes(&self) {
        self.impose();
    }

    /// barrier::heavy.
    fn impose(&self) {
        // ORDERING: SeqCst, as in barrier::heavy, before and after.
        fence(Ordering::SeqCst);
        if self.works {
            // ORDERING: Relaxed, as in `interrupt`.
            let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
            while self.answered.load(Ordering::Relaxed) < asked && !self.ended.load(Ordering::Relaxed) {
                *self.asking.lock().unwrap() = Some(thread::current());
                thread::park();
            }
        }
        fence(Ordering::SeqCst);
    }
}

/// The memory of a party whose publisher's fence is for the compiler only.
#[derive(Clone)]
pub struct Asymmetric {
    pub memory: LoomMemory,
    pub barrier: Arc<Membarrier>,
    /// Whether this party is the one that gets interrupted.
    pub publisher: bool,
}

impl Asymmetric {
    fn step(&self) -> &LoomMemory {
        if self.publisher {
            self.barrier.interrupt();
        }
        &self.memory
    }
}

// SAFETY: passes everything on to the memory inside but the two fences, which are this module's idea.
unsafe impl Memory for Asymmetric {
    fn load32(&self, at: usize, order: Ordering) -> u32 {
        self.step().load32(at, order)
    }

    fn store32(&self, at: usize, value: u32, order: Ordering) {
        self.step().store32(at, value, order);
    }

    fn add32(&self, at: usize, value: u32, order: Ordering) -> u32 {
        self.step().add32(at, value, order)
    }

    fn load64(&self, at: usize, order: Ordering) -> u64 {
        self.step().load64(at, order)
    }

    fn store64(&self, at: usize, value: u64, order: Ordering) {
        self.step().store64(at, value, order);
    }

    fn compare_exchange64(
        &self,
        at: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.step().compare_exchange64(at, current, new, success, failure)
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

    /// barrier::light, which loom does not see at all: it runs the code in program order.
    fn publisher_fence(&self) {
        self.step();
        self.barrier.light();
    }

    fn sleeper_fence(&self) -> bool {
        self.barrier.ask()
    }

    fn wait32(&self, at: usize, expected: u32, limit: Duration) {
        self.memory.wait32(at, expected, limit);
    }

    fn wake32(&self, at: usize) {
        self.step().wake32(at);
    }
}
