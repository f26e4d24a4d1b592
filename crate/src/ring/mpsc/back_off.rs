//! What a producer does that has met another one at the chain's end.

use crate::memory::Memory;

/// NB: bench/run.mjs, `mpsc` and `layouts` (`contention`): see docs/performance.md.
const FIRST: u32 = 64;
const MOST: u32 = 256;

/// How long a producer that was not first waits before it tries again: twice as long each time, some
/// microseconds at most. Two that try again at once take from each other, for every record, the lines of
/// the control words; while one waits, the other writes many records with them.
#[derive(Debug, Default)]
pub(super) struct BackOff(u32);

impl BackOff {
    #[cold]
    pub fn wait<M: Memory>(&mut self, memory: &M) {
        self.lengthen();
        for _ in 0..self.0 {
            memory.pause();
        }
    }

    fn lengthen(&mut self) {
        self.0 = (2 * self.0).clamp(FIRST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_get_longer_up_to_a_bound() {
        let lengths = std::iter::successors(Some(BackOff::default()), |last| {
            let mut next = BackOff(last.0);
            next.lengthen();
            Some(next)
        });
        let lengths: Vec<u32> = lengths.map(|back_off| back_off.0).take(6).collect();
        assert_eq!(lengths, [0, 64, 128, 256, 256, 256]);
    }
}
