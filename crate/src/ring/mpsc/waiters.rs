//! Which producers sleep until there is room: a bit a slot, so that a consumer that releases looks at
//! one line and wakes only those whose wish it has fulfilled.

use std::sync::atomic::Ordering;

use super::chain::Chain;
use crate::layout::{control, slot};
use crate::memory::Memory;
use crate::sleep::Bell;

/// The word of slot `index`, and its bit.
fn place(chain: &Chain, index: u32) -> (usize, u64) {
    (chain.waiters + index as usize / 64 * 8, 1 << (index % 64))
}

/// To be called by the slot's owner before it announces its sleep.
pub(super) fn set<M: Memory>(memory: &M, chain: &Chain, index: u32) {
    let (at, bit) = place(chain, index);
    change(memory, at, |word| word | bit);
}

/// To be called by the slot's owner, and by its next one.
pub(super) fn clear<M: Memory>(memory: &M, chain: &Chain, index: u32) {
    let (at, bit) = place(chain, index);
    change(memory, at, |word| word & !bit);
}

fn change<M: Memory>(memory: &M, at: usize, new: impl Fn(u64) -> u64) {
    // ORDERING: Relaxed, all of them; the announcement that follows a set bit orders it before the
    // owner's second look at the head. Partner: wake.
    let mut word = memory.load64(at, Ordering::Relaxed);
    while new(word) != word {
        match memory.compare_exchange64(at, word, new(word), Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(found) => word = found,
        }
    }
}

/// Wakes those who wait for no more than `head`. `bells`: one a slot.
pub(super) fn wake<M: Memory>(memory: &M, chain: &Chain, bells: &mut [Bell], head: u64) {
    // The publisher's half of the pair whose other half is the announcement.
    memory.publisher_fence();
    for word in 0..control::WAITER_WORDS {
        // ORDERING: Relaxed; the fence above orders the publication of the head before this look.
        let mut waiting = memory.load64(chain.waiters + 8 * word, Ordering::Relaxed);
        while waiting != 0 {
            let index = 64 * word + waiting.trailing_zeros() as usize;
            waiting &= waiting - 1;
            // A bit of no slot is damage, and nobody waits there.
            let Some(bell) = bells.get_mut(index) else { continue };
            let wanted = chain.slot(index as u32) + slot::WANTED;
            // ORDERING: Relaxed; read after the announcement was seen. A stale wish costs one slice at
            // most. Partner: room's announce_sleep.
            bell.ring(memory, || head >= memory.load64(wanted, Ordering::Relaxed));
        }
    }
}
