//! Whether more parties are attached to a ring than there are cores: then whoever spins keeps from
//! its core somebody that it waits for.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::layout::Layout;
use crate::memory::Memory;
use crate::owners;

/// Between two counts, each of which reads a word of every slot.
const INTERVAL: Duration = Duration::from_millis(100);

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    // Unknown is many: the usual machine is one.
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(usize::MAX, |cores| cores.get()))
}

/// How many of so many parties share a core, all of them busy.
const fn sharing(parties: usize, cores: usize) -> u32 {
    parties.div_ceil(cores) as u32
}

/// The last count.
#[derive(Debug, Default)]
pub struct Crowd {
    counted: Option<Instant>,
    /// How many parties share a core.
    sharing: u32,
}

impl Crowd {
    /// A guess: the dead are counted too until they are recovered, and parties of other rings never.
    pub fn look<M: Memory>(&mut self, memory: &M, layout: &Layout) -> bool {
        if self.counted.is_none_or(|counted| counted.elapsed() >= INTERVAL) {
            let taken = |index: &u32| owners::is_taken(memory, layout.slot(*index));
            self.sharing = sharing((0..layout.slot_count).filter(taken).count(), cores());
            self.counted = Some(Instant::now());
        }
        self.sharing > 1
    }

    /// By the last count, how many others have their turn on a core before one's own comes again.
    pub fn others_on_a_core(&self) -> u32 {
        self.sharing.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_share_cores_only_where_there_are_more_of_them() {
        for (parties, cores, shared) in
            [(0, 2, 0), (1, 2, 1), (2, 2, 1), (3, 2, 2), (65, 2, 33), (255, 1, 255), (255, usize::MAX, 1)]
        {
            assert_eq!(sharing(parties, cores), shared, "{parties} parties, {cores} cores");
        }
    }
}
