//! Mutants of the memory orderings: the same code on a memory that promises less at one place.

use std::sync::atomic::Ordering;

/// One promise that a memory does not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weaken {
    /// Loads of the word at this offset are Relaxed.
    Load(usize),
    /// Stores to the word at this offset are Relaxed.
    Store(usize),
    /// Exchanges and additions at this offset are Relaxed.
    Update(usize),
    /// Exchanges that reserve are Relaxed.
    Reserve,
    /// Additions at this offset do not happen.
    NoUpdate(usize),
    /// Plain fences of this ordering are left out.
    NoFence(Ordering),
    /// The publisher does not fence before it looks for a sleeper.
    NoPublisherFence,
    /// The sleeper does not fence before it looks again.
    NoSleeperFence,
    /// Nobody who sleeps is woken.
    NoWake,
}

/// The promises that a memory does not keep; none for the real thing.
pub type Weakened = &'static [Weaken];

/// The ordering that is left of `order` where `weaken` is in force.
pub fn ordering(weakened: Weakened, weaken: Weaken, order: Ordering) -> Ordering {
    if weakened.contains(&weaken) { Ordering::Relaxed } else { order }
}
