//! Looking into a ring without taking part: lossy, but never wrong.

use std::sync::atomic::Ordering;

use super::stats::end;
use crate::error::{Error, Result};
use crate::layout::{GRANULE, Kind, Layout, RECORD_HEADER, control};
use crate::memory::Memory;
use crate::record::Header;
use crate::ring::mpsc::{self, Chain, Link};
use crate::ring::spsc::PRODUCER_SLOT;

/// What stands at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Taken, and not yet committed.
    Reserved,
    Committed,
    /// The rest of the buffer, or a claim that was given back.
    Padding,
    /// Reserved by an owner that died.
    Abandoned,
    /// Bytes that no healthy writer can have left there.
    Damaged,
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            State::Reserved => "reserved",
            State::Committed => "committed",
            State::Padding => "padding",
            State::Abandoned => "abandoned",
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
    /// Its writer's.
    pub slot: u32,
    /// Bytes of payload, or what fits into the space that it takes.
    pub byte_length: usize,
    pub bytes: Option<Vec<u8>>,
    /// Where the next thing stands.
    next: u64,
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
        let tail = memory.load64(tail_at, Ordering::Acquire);
        let end = end(memory, layout, tail);
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
                return Some(self.damaged(position));
            }
            self.next = seen.next;
            return Some(seen);
        }
        None
    }

    fn look<M: Memory>(&self, memory: &M, position: u64) -> Inspected {
        match self.layout.kind {
            Kind::Spsc => self.look_at_bytes(memory, position),
            Kind::Mpsc => self.look_at_chain(memory, position),
        }
    }

    /// `spsc`: headers alone tell where the next one is.
    fn look_at_bytes<M: Memory>(&self, memory: &M, position: u64) -> Inspected {
        let offset = position as usize & (self.layout.capacity - 1);
        let rest = self.layout.capacity - offset;
        let room = rest.min((self.end - position) as usize);
        // ORDERING: Relaxed; visible since the tail behind it was loaded with Acquire.
        let word = memory.load64(self.layout.data + offset, Ordering::Relaxed);
        // As the consumer sees it: padding ends where the buffer does and does not fill it.
        let fits = |header: &Header| match header {
            Header::Record(_) => header.span() <= room,
            Header::Padding(_) => header.span() == rest && rest <= room && offset != 0,
        };
        let Some(header) = Header::decode(position, word).filter(fits) else { return self.damaged(position) };
        let next = position + header.span() as u64;
        match header {
            Header::Padding(byte_length) => {
                let (state, slot) = (State::Padding, PRODUCER_SLOT);
                Inspected { position, state, slot, byte_length, bytes: None, next }
            }
            Header::Record(length) => self.record(memory, position, PRODUCER_SLOT, length, next),
        }
    }

    /// `mpsc`: control words tell.
    fn look_at_chain<M: Memory>(&self, memory: &M, position: u64) -> Inspected {
        let Ok(Link::Taken(word)) = Chain::new(&self.layout).link(memory, position) else {
            return self.damaged(position);
        };
        let bytes = word.granules() as usize * GRANULE;
        let next = position + bytes as u64;
        let state = match word.state() {
            mpsc::State::Committed => {
                let at = self.layout.data + (position as usize & (self.layout.capacity - 1));
                // ORDERING: Relaxed; visible since the word was loaded with Acquire.
                let header = Header::decode(position, memory.load64(at, Ordering::Relaxed));
                return match header {
                    Some(Header::Record(length)) if RECORD_HEADER + length <= bytes => {
                        self.record(memory, position, word.owner(), length, next)
                    }
                    _ => self.damaged(position),
                };
            }
            mpsc::State::Reserved => State::Reserved,
            mpsc::State::Pad => State::Padding,
            mpsc::State::Abandoned => State::Abandoned,
        };
        let byte_length = bytes - RECORD_HEADER;
        Inspected { position, state, slot: word.owner(), byte_length, bytes: None, next }
    }

    fn record<M: Memory>(&self, memory: &M, position: u64, slot: u32, length: usize, next: u64) -> Inspected {
        let at = self.layout.data + (position as usize & (self.layout.capacity - 1)) + RECORD_HEADER;
        let mut bytes = vec![0; length];
        // SAFETY: the record lies within the data area, as its reader checked; the vector is as long.
        unsafe { memory.copy_out(at, bytes.as_mut_ptr(), length) };
        Inspected { position, state: State::Committed, slot, byte_length: length, bytes: Some(bytes), next }
    }

    fn damaged(&self, position: u64) -> Inspected {
        let (state, slot) = (State::Damaged, PRODUCER_SLOT);
        Inspected { position, state, slot, byte_length: 0, bytes: None, next: self.end }
    }
}
