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

/// The last count.
#[derive(Debug, Default)]
pub struct Crowd {
    counted: Option<Instant>,
    crowded: bool,
}

impl Crowd {
    /// A guess: the dead are counted too until they are recovered, and parties of other rings never.
    pub fn look<M: Memory>(&mut self, memory: &M, layout: &Layout) -> bool {
        if self.counted.is_none_or(|counted| counted.elapsed() >= INTERVAL) {
            let taken = |index: &u32| owners::is_taken(memory, layout.slot(*index));
            self.crowded = (0..layout.slot_count).filter(taken).count() > cores();
            self.counted = Some(Instant::now());
        }
        self.crowded
    }
}
