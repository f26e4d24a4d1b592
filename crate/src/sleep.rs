//! How one party sleeps until another has published: the protocol of both kinds of ring.
//!
//! The sleeper announces itself by an odd number in its slot's `sleep` word, a new one at every
//! entry, looks once more at what it waits for, and sleeps on its `epoch` word. A publisher first
//! publishes, then looks at the sleep word, and rings at most once for each number: it remembers
//! privately which it has rung for. Only the sleeper ends its sleep. A waker that cleared the
//! number and was then killed would strand everybody else's records.
//!
//! Both words live as long as the segment. A successor goes on counting where its predecessor
//! stopped, whether that was asleep or awake, so a publisher's memory never matches by chance.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::layout::slot;
use crate::memory::Memory;

/// The longest that anybody sleeps without looking again: the only publisher may be killed between
/// its publication and its wake.
pub const SLICE: Duration = Duration::from_millis(100);

/// The sleeping side of one slot.
#[derive(Debug)]
pub struct Sleeper {
    slot: usize,
    number: u32,
}

/// Proof that a sleep has been announced; ends with [`Sleeper::leave`].
#[derive(Debug)]
#[must_use]
pub struct Announced {
    epoch: u32,
}

impl Sleeper {
    /// Takes over the sleep words of the slot at offset `slot`, however its last owner left them.
    pub fn new<M: Memory>(memory: &M, slot: usize) -> Self {
        // ORDERING: Relaxed; only a slot's owner writes this word, and owners follow each other
        // through the slot's lock.
        let last = memory.load32(slot + slot::SLEEP, Ordering::Relaxed);
        // Even: awake. A predecessor that died asleep left an odd number, which is never used again.
        Sleeper { slot, number: last.wrapping_add(last & 1) }
    }

    /// Announces the sleep. The caller then looks once more at everything that it waits for, and
    /// calls [`Sleeper::sleep`] only if there is nothing; in any case it then calls `leave`.
    pub fn announce<M: Memory>(&mut self, memory: &M) -> Announced {
        // ORDERING: Relaxed; read before the announcement, so every ring that answers it changes
        // the word afterwards. Partner: sleep::Bell::ring.
        let epoch = memory.load32(self.slot + slot::EPOCH, Ordering::Relaxed);
        self.number = self.number.wrapping_add(1);
        // ORDERING: Release keeps the epoch's load above the announcement; the fence below orders
        // the announcement before the caller's second look. Partner: sleep::Bell::ring.
        memory.store32(self.slot + slot::SLEEP, self.number, Ordering::Release);
        // Whoever it did not reach may not ring: the sleep is a slice at most.
        let _ = memory.sleeper_fence();
        Announced { epoch }
    }

    /// Sleeps until rung, for at most `limit` and never longer than a [`SLICE`].
    pub fn sleep<M: Memory>(&self, memory: &M, announced: &Announced, limit: Duration) {
        memory.wait32(self.slot + slot::EPOCH, announced.epoch, limit.min(SLICE));
    }

    /// Ends the sleep.
    pub fn leave<M: Memory>(&mut self, memory: &M, _: Announced) {
        self.number = self.number.wrapping_add(1);
        // ORDERING: Relaxed; a publisher that still sees the odd number rings once for nothing.
        memory.store32(self.slot + slot::SLEEP, self.number, Ordering::Relaxed);
    }
}

/// The publishing side towards one sleeper's slot.
#[derive(Debug)]
pub struct Bell {
    slot: usize,
    /// The number rung for last; an even one is never asleep.
    rung: u32,
}

impl Bell {
    pub fn new(slot: usize) -> Self {
        Bell { slot, rung: 0 }
    }

    /// To be called after every publication: wakes the sleeper if it has announced a sleep that
    /// this bell has not yet rung for and if `concerns` says that the publication matters to it.
    #[inline]
    pub fn ring<M: Memory>(&mut self, memory: &M, concerns: impl FnOnce() -> bool) {
        memory.publisher_fence();
        // ORDERING: the fence above orders the publication before this look; Acquire, so that
        // `concerns` reads the wish that came with this number. Partner: sleep::Sleeper::announce.
        let number = memory.load32(self.slot + slot::SLEEP, Ordering::Acquire);
        if number & 1 == 1 && number != self.rung && concerns() {
            self.wake(memory, number);
        }
    }

    /// Wakes whoever sleeps there, whatever it has been rung for: for news that are not records.
    pub fn ring_anyway<M: Memory>(memory: &M, slot: usize) {
        memory.publisher_fence();
        // ORDERING: Release, as in sleep::Bell::wake.
        memory.add32(slot + slot::EPOCH, 1, Ordering::Release);
        memory.wake32(slot + slot::EPOCH);
    }

    #[cold]
    fn wake<M: Memory>(&mut self, memory: &M, number: u32) {
        self.rung = number;
        // ORDERING: Release; a sleeper that finds the epoch changed finds the publication too.
        memory.add32(self.slot + slot::EPOCH, 1, Ordering::Release);
        memory.wake32(self.slot + slot::EPOCH);
    }
}
