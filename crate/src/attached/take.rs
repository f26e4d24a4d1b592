//! Takes a slot for a role, or says that all there are belong to somebody who lives.

use std::ops::Range;

use super::ring::busy;
use crate::census::states;
use crate::error::{Code, Error, Result};
use crate::memory::Memory;
use crate::owners::{self, Role, Slot};
use crate::segment::Segment;

/// How often it is tried again while owners come and go. Each time somebody else was faster.
const ATTEMPTS: u32 = 32;

/// Takes the first of `slots` that nobody has, or else one whose owner is dead. `settle` makes a slot
/// ready, as [`Slot::take_settling`] says. BUSY: there was a moment at which living owners had them all.
pub fn take_slot<M: Memory, T>(
    segment: &Segment,
    memory: &M,
    slots: Range<u32>,
    label: &str,
    mut settle: impl FnMut(u32) -> Result<(T, u64)>,
) -> Result<(Slot, T)> {
    let (layout, role) = (segment.layout(), Role::of(slots.start));
    let mut refusal: Option<Error> = None;
    for _ in 0..ATTEMPTS {
        let before = states(memory, layout, &slots);
        // Whether somebody is just attaching or leaving.
        let mut passing = false;
        for of_the_dead in [false, true] {
            for index in slots.clone() {
                let taken = owners::is_taken(memory, layout.slot(index));
                if taken != of_the_dead {
                    continue;
                }
                let mut unsettled = false;
                let settle = || settle(index).inspect_err(|_| unsettled = true);
                match Slot::take_settling(segment, memory, index, role, label, settle) {
                    Ok(Some(taken)) => return Ok(taken),
                    Ok(None) => passing |= !taken,
                    // A damaged state: in an mpsc ring it is not the only slot.
                    Err(error) if error.code == Code::Corrupt && !unsettled => {
                        refusal.get_or_insert(error);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        if !passing && states(memory, layout, &slots) == before {
            break;
        }
        std::thread::yield_now();
    }
    Err(refusal.unwrap_or_else(|| busy(segment, memory, slots.start)))
}
