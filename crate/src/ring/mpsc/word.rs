//! The control word of a granule: lap, owner, length and state in one atomic step.
//!
//! ```text
//! 63                 24      16         2     0
//! | lap, from 1       | owner | granules | state |
//! ```

use crate::layout::MAX_GRANULES;

const STATE_BITS: u32 = 2;
const GRANULE_BITS: u32 = 14;
const OWNER_BITS: u32 = 8;
const OWNER_SHIFT: u32 = STATE_BITS + GRANULE_BITS;
const LAP_SHIFT: u32 = OWNER_SHIFT + OWNER_BITS;

/// The last lap that a word can carry.
pub(super) const LAST_LAP: u64 = (1 << (64 - LAP_SHIFT)) - 1;

const _: () = assert!(MAX_GRANULES == (1 << GRANULE_BITS) - 1);

/// What has become of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its owner is writing, or was killed while it did.
    Reserved = 0,
    /// A record, or the first of a batch.
    Committed = 1,
    /// Nothing to be read: the rest of the buffer, or a claim given back.
    Pad = 2,
    /// Its owner died.
    Abandoned = 3,
}

/// A control word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word(pub u64);

impl Word {
    #[inline(always)]
    pub const fn new(lap: u64, owner: u32, granules: u64, state: State) -> Word {
        Word(lap << LAP_SHIFT | (owner as u64) << OWNER_SHIFT | granules << STATE_BITS | state as u64)
    }

    #[inline(always)]
    pub const fn lap(self) -> u64 {
        self.0 >> LAP_SHIFT
    }

    #[inline(always)]
    pub const fn owner(self) -> u32 {
        (self.0 >> OWNER_SHIFT) as u32 & ((1 << OWNER_BITS) - 1)
    }

    #[inline(always)]
    pub const fn granules(self) -> u64 {
        self.0 >> STATE_BITS & ((1 << GRANULE_BITS) - 1)
    }

    #[inline(always)]
    pub const fn state(self) -> State {
        match self.0 & ((1 << STATE_BITS) - 1) {
            0 => State::Reserved,
            1 => State::Committed,
            2 => State::Pad,
            _ => State::Abandoned,
        }
    }

    /// The same reservation in another state.
    #[inline(always)]
    pub const fn with_state(self, state: State) -> Word {
        Word(self.0 >> STATE_BITS << STATE_BITS | state as u64)
    }

    /// The same with another length.
    #[inline(always)]
    pub const fn with_granules(self, granules: u64) -> Word {
        Word::new(self.lap(), self.owner(), granules, self.state())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_word_keeps_its_place() {
        for state in [State::Reserved, State::Committed, State::Pad, State::Abandoned] {
            for (lap, owner, granules) in [(1, 0, 1), (LAST_LAP, 254, MAX_GRANULES as u64), (7, 1, 2)] {
                let word = Word::new(lap, owner, granules, state);
                assert_eq!(
                    (word.lap(), word.owner(), word.granules(), word.state()),
                    (lap, owner, granules, state)
                );
                assert_eq!(word.with_state(State::Pad).with_state(state), word);
                assert_eq!(word.with_granules(3).with_granules(granules), word);
            }
        }
    }

    #[test]
    fn fresh_memory_is_of_no_lap() {
        assert_eq!(Word(0).lap(), 0);
    }
}
