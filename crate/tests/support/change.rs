//! Damage to one word of a ring.

/// What a word is changed into.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    Flip(u32),
    /// A little more or less, as a stale or a premature position is.
    Add(i64),
    To(u64),
}

impl Change {
    pub fn of(self, word: u64) -> u64 {
        match self {
            Change::Flip(bit) => word ^ 1 << bit,
            Change::Add(difference) => word.wrapping_add_signed(difference),
            Change::To(value) => value,
        }
    }
}
