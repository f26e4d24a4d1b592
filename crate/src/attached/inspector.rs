//! Looking into a ring without taking part: lossy, but never wrong.

use std::sync::atomic::Ordering;

use crate::error::{Error, Result};
use crate::layout::{Layout, RECORD_HEADER, control};
use crate::memory::Memory;
use crate::record::Header;

/// What stands at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Committed,
    Padding,
    /// Bytes that no healthy writer can have left there.
    Damaged,
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            State::Committed => "committed",
            State::Padding => "padding",
            State::Damaged => "damaged",
        }
    }
}

/// One thing seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// In bytes since the ring was made.
    pub position: u64,
    pub state: State,
    /// Bytes of payload, or of the padding's body.
    pub byte_length: usize,
    pub bytes: Option<Vec<u8>>,
}

/// A walk from the head to the tail as they were when it began. What the consumer releases
/// meanwhile is left out.
#[derive(Debug)]
pub struct Inspector {
    layout: Layout,
    next: u64,
    end: u64,
}

impl Inspector {
    pub(super) fn new<M: Memory>(memory: &M, layout: &Layout) -> Result<Self> {
        let head_at = layout.control + control::HEAD;
        let tail_at = layout.control + control::TAIL;
        // ORDERING: Acquire; the records between them are visible. Head first, so that a busy
        // consumer cannot make it pass the tail. Partners: both publications.
        let next = memory.load64(head_at, Ordering::Acquire);
        let end = memory.load64(tail_at, Ordering::Acquire);
        // A busy pair may have moved on by more than the capacity between the two loads.
        let moved = memory.load64(head_at, Ordering::Acquire);
        if (next | end | moved) & 7 != 0 || end < next || end.saturating_sub(moved) > layout.capacity as u64 {
            return Err(Error::corrupt("head and tail do not fit together", head_at, "head <= tail", next));
        }
        Ok(Inspector { layout: *layout, next: next.max(moved.min(end)), end })
    }

    pub(super) fn next<M: Memory>(&mut self, memory: &M) -> Option<Inspected> {
        while self.next < self.end {
            let position = self.next;
            let seen = self.look(memory, position);
            // ORDERING: the fence keeps the copy above this second look at the head: if it has
            // not passed the position now, nothing of the copy was overwritten. Partner: the
            // consumer's publication, after which alone the producer may write there.
            memory.fence(Ordering::Acquire);
            let head = memory.load64(self.layout.control + control::HEAD, Ordering::Relaxed);
            if head > position {
                // Damaged: no healthy consumer is there, and nothing can be read from there.
                let aligned = head & 7 == 0;
                self.next = if aligned { head } else { self.end };
                if aligned {
                    continue;
                }
                return Some(Inspected { state: State::Damaged, byte_length: 0, bytes: None, ..seen });
            }
            self.next = match seen.state {
                State::Damaged => self.end,
                _ => position + crate::record::span(seen.byte_length) as u64,
            };
            return Some(seen);
        }
        None
    }

    fn look<M: Memory>(&self, memory: &M, position: u64) -> Inspected {
        let offset = position as usize & (self.layout.capacity - 1);
        let at = self.layout.data + offset;
        let rest = self.layout.capacity - offset;
        let room = rest.min((self.end - position) as usize);
        // ORDERING: Relaxed; visible since the tail behind it was loaded with Acquire.
        let word = memory.load64(at, Ordering::Relaxed);
        // As the consumer sees it: padding ends where the buffer does and does not fill it.
        let fits = |header: &Header| match header {
            Header::Record(_) => header.span() <= room,
            Header::Padding(_) => header.span() == rest && rest <= room && offset != 0,
        };
        match Header::decode(position, word).filter(fits) {
            Some(header) => {
                let (state, byte_length, bytes) = match header {
                    Header::Padding(length) => (State::Padding, length, None),
                    Header::Record(length) => {
                        let mut bytes = vec![0; length];
                        // SAFETY: the record lies within the data area, the vector is as long.
                        unsafe { memory.copy_out(at + RECORD_HEADER, bytes.as_mut_ptr(), length) };
                        (State::Committed, length, Some(bytes))
                    }
                };
                Inspected { position, state, byte_length, bytes }
            }
            None => Inspected { position, state: State::Damaged, byte_length: 0, bytes: None },
        }
    }
}
