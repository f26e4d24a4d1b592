//! Verdicts over several slots, which come and go while they are looked at one after the other.
//!
//! A producer that attaches behind such a walk, before another closes ahead of it, is met by neither
//! look: a walk that met nobody says nothing of any one moment. A state word tells every change, since
//! none comes back: an attachment has a number of its own. So all words are read, every slot is looked
//! at, all words are read again, and those slots that have changed are looked at again, until none has.
//! What was found of a word is true as long as the word stands, but for a death that comes later: so
//! all of it was true when the words were read the last time but one.

use std::ops::Range;
use std::sync::atomic::Ordering;

use crate::error::Result;
use crate::layout::{Layout, slot};
use crate::memory::Memory;

/// How often slots are looked at again that changed meanwhile, before the careful answer is given. Each
/// time it takes a few microseconds: owners do not come and go that fast.
const ROUNDS: usize = 64;

/// What was found of several slots.
#[derive(Debug)]
pub struct Census<T> {
    /// In the order of the slots; up to the one that was enough.
    pub found: Vec<T>,
    /// The state words that it was found of.
    pub states: Vec<u64>,
    /// The state words afterwards.
    pub after: Vec<u64>,
}

impl<T> Census<T> {
    /// Whether all of it was true at one moment.
    pub fn is_of_one_moment(&self) -> bool {
        self.states == self.after
    }
}

/// The state words of `slots`.
pub fn states<M: Memory>(memory: &M, layout: &Layout, slots: &Range<u32>) -> Vec<u64> {
    // ORDERING: Acquire; what is looked at after this, the same words among it, is not older. Partner:
    // the Release stores of owners::Slot::take_settling and owners::Slot::release: who closes after it
    // has heard of another's attachment is not seen without that.
    slots.clone().map(|index| memory.load64(layout.slot(index) + slot::STATE, Ordering::Acquire)).collect()
}

/// Looks at each of `slots`, and again at those that changed meanwhile, until none does, or until one is
/// `enough`.
pub fn census<M: Memory, T>(
    memory: &M,
    layout: &Layout,
    slots: Range<u32>,
    enough: impl Fn(&T) -> bool,
    mut look: impl FnMut(u32) -> Result<T>,
) -> Result<Census<T>> {
    let mut before = states(memory, layout, &slots);
    let mut found = Vec::with_capacity(slots.len());
    for index in slots.clone() {
        found.push(look(index)?);
        if found.last().is_some_and(&enough) {
            let after = before.clone();
            return Ok(Census { found, states: before, after });
        }
    }
    let mut after = states(memory, layout, &slots);
    for _ in 0..ROUNDS {
        if after == before {
            break;
        }
        for (place, index) in slots.clone().enumerate() {
            if before[place] != after[place] {
                found[place] = look(index)?;
            }
        }
        (before, after) = (after, states(memory, layout, &slots));
    }
    Ok(Census { found, states: before, after })
}
