//! When a consumer whose barrier fails may believe what it sees of a producer's mark.
//!
//! The system call behind the asymmetric barrier may be refused at any time, since a sandbox may be entered
//! at any time. The producers are told then to use full fences, by a word that they look at between
//! their mark and their look at the seal. One that looked at that word just before may have a mark that
//! is not to be seen yet, and a record to come: no end may be told of over it. The mark is stored before
//! that look, so it is on its way, whatever becomes of the producer: a stopped thread has left its core, and
//! with it the store buffer. What remains is how long a processor keeps a store to itself: less than
//! microseconds, in C++'s words "a reasonable amount of time". This waits for much longer. No clock
//! says whether anybody lives.

use std::time::{Duration, Instant};

use crate::mapped::MappedMemory;
use crate::sleep::SLICE;

/// Far longer than a store takes to be seen, and no longer than a consumer sleeps.
const SETTLED: Duration = SLICE;

/// Since when it has been known that every producer is told to use full fences.
#[derive(Debug, Default)]
pub(super) struct Fenced(Option<Instant>);

impl Fenced {
    /// Looks whether they have been told by now.
    pub fn look(&mut self, memory: &MappedMemory) {
        if self.0.is_none() && memory.requires_fences() {
            self.0 = Some(Instant::now());
        }
    }

    /// Whether none can still be past a look that was too early.
    pub fn is_certain(&self) -> bool {
        self.0.is_some_and(|told| told.elapsed() >= SETTLED)
    }
}
