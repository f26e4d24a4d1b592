//! The consumer's side of the head: its private value, and how it is published with the counters that
//! belong to it.

use std::sync::atomic::Ordering;

use crate::error::{Code, Error, Result};
use crate::layout::{CONSUMER_SLOT, Layout, control, slot};
use crate::ledger::{Entry, Ledger};
use crate::memory::Memory;

#[derive(Debug)]
pub(super) struct Head {
    at: usize,
    /// What the shared word says: everything before it is released.
    released: u64,
    /// Heads are multiples of it.
    unit: u64,
    /// The last position that there can be.
    last: u64,
    ledger: Ledger,
}

impl Head {
    /// Takes over from a predecessor, whose counters come with it.
    pub fn attach<M: Memory>(memory: &M, layout: &Layout, unit: u64, last: u64) -> Result<(Head, Entry)> {
        let at = layout.control + control::HEAD;
        // ORDERING: Acquire; a predecessor's releases are visible. Partner: Head::publish.
        let released = memory.load64(at, Ordering::Acquire);
        if !released.is_multiple_of(unit) || released > last {
            let expected = format!("a multiple of {unit} up to {last}");
            return Err(Error::corrupt("the head is impossible", at, expected, released));
        }
        let entries = layout.slot(CONSUMER_SLOT) + slot::LEDGER;
        let (ledger, entry) = Ledger::open(memory, entries, released).ok_or_else(|| {
            Error::corrupt("the consumer's ledger has no entry for the head", entries, released, "none")
        })?;
        Ok((Head { at, released, unit, last, ledger }, entry))
    }

    #[inline(always)]
    pub fn released(&self) -> u64 {
        self.released
    }

    /// Gives everything before `position` back to the producers.
    #[inline]
    pub fn publish<M: Memory>(&mut self, memory: &M, position: u64, read: Entry) -> Result<()> {
        self.ledger.record(memory, position, read);
        // ORDERING: Release; our reads of the records are done before a producer may overwrite them.
        // Partner: the producers' refresh_head. Relaxed on failure: nothing is used.
        let exchanged =
            memory.compare_exchange64(self.at, self.released, position, Ordering::Release, Ordering::Relaxed);
        match exchanged {
            Ok(_) => {
                self.released = position;
                Ok(())
            }
            Err(found) => Err(self.was_moved(found)),
        }
    }

    /// Somebody else wrote the head: another consumer, if it is where one could have gone to.
    #[cold]
    fn was_moved(&self, found: u64) -> Error {
        let expected = self.released;
        if found < expected || found > self.last || !found.is_multiple_of(self.unit) {
            return Error::corrupt("the head was overwritten", self.at, expected, found);
        }
        Error::new(
            Code::Fenced,
            format!(
                "another consumer moved the head from {expected} to {found} while this one was attached; \
                 the locks of this file system cannot be trusted"
            ),
        )
        .with("offset", self.at)
        .with("expected", expected)
        .with("found", found)
    }
}
