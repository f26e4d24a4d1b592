//! The seal, and the mark by which a reader of a sealed ring knows who may still be inside a write.

use std::sync::atomic::Ordering;

use crate::error::{Code, Error, Result};
use crate::layout::{CONSUMER_SLOT, Layout, control, slot};
use crate::memory::Memory;
use crate::sleep::Bell;

/// A producer's side of the seal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gate {
    sealed: usize,
    writing: usize,
    consumer: usize,
}

impl Gate {
    /// The gate of the producer whose slot lies at `producer`.
    pub fn new(layout: &Layout, producer: usize) -> Self {
        Gate {
            sealed: layout.control + control::SEALED,
            writing: producer + slot::WRITING,
            consumer: layout.slot(CONSUMER_SLOT),
        }
    }

    /// Raises the mark that a reader of a sealed ring waits for, then looks whether it is sealed:
    /// whoever seals first and looks at the mark afterwards either sees it or is seen.
    #[inline(always)]
    pub fn begin<M: Memory>(&self, memory: &M) -> Result<()> {
        // ORDERING: Relaxed store, fence, Relaxed load: the store-then-look half of a pair whose
        // other half is gate::is_writing after a sleeper_fence.
        memory.store32(self.writing, 1, Ordering::Relaxed);
        memory.publisher_fence();
        if memory.load32(self.sealed, Ordering::Relaxed) != 0 {
            self.end(memory);
            return Err(Error::new(
                Code::Sealed,
                "the ring is sealed: what was written is still read, nothing more can be written",
            ));
        }
        Ok(())
    }

    #[inline(always)]
    pub fn end<M: Memory>(&self, memory: &M) {
        // ORDERING: Release; who sees the mark lowered sees what was published before. Partner:
        // gate::is_writing.
        memory.store32(self.writing, 0, Ordering::Release);
        // ORDERING: Relaxed; a reader who saw the mark of this write after a seal may have gone to
        // sleep over it. Missed, it looks again after a slice.
        if memory.load32(self.sealed, Ordering::Relaxed) != 0 {
            Bell::ring_anyway(memory, self.consumer);
        }
    }

    /// Lowers the mark if it is up: for its producer, outside of any write, when it was not the one who
    /// raised it.
    #[cold]
    pub fn mend<M: Memory>(&self, memory: &M) {
        // ORDERING: Relaxed; nobody else has any business to write it.
        if memory.load32(self.writing, Ordering::Relaxed) != 0 {
            self.end(memory);
        }
    }

    pub fn is_sealed<M: Memory>(&self, memory: &M) -> bool {
        is_sealed(memory, self.sealed)
    }
}

/// Whether the ring whose seal lies at `sealed` is sealed.
pub(super) fn is_sealed<M: Memory>(memory: &M, sealed: usize) -> bool {
    // ORDERING: Acquire; partner: the Release store of the seal.
    memory.load32(sealed, Ordering::Acquire) != 0
}

/// Whether the producer whose slot lies at `producer`, if it lives, may still be inside a write that
/// began before the seal which the caller has just seen. After a `false` for every producer, one more
/// look at the ring is the last. To be asked after a `sleeper_fence` that reached every producer, or once all
/// of them are known to use full fences.
pub(super) fn is_writing<M: Memory>(memory: &M, producer: usize) -> bool {
    // ORDERING: Acquire; partner: Gate::end, and Gate::begin's store through the caller's fence.
    memory.load32(producer + slot::WRITING, Ordering::Acquire) != 0
}
