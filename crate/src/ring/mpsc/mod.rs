//! Many producers, one consumer: a chain of reservations, each of which is its own description.
//!
//! The data is divided into granules, and every granule has a control word. Whoever takes space at the
//! end writes, by one CAS on the word of the first granule, who he is and how much he takes: there is no
//! moment at which space is taken and nobody can tell by whom or how far. The shared `tail` only follows,
//! and seldom: everybody goes on from where he saw the end last. The second CAS, from *reserved* to *committed*, makes
//! the record the consumer's. A word is free when its lap is not that of the position looked at, so
//! nothing is ever zeroed, and what a dead owner reserved becomes *abandoned* by one CAS of anybody who
//! knows from the lock that he is dead.
//!
//! Reserve and commit by state words is the scheme of BPF's ring buffer and Agrona's
//! ManyToOneRingBuffer; description and reservation in one step, and a tail that follows, are after
//! Michael and Scott's queue. What each crash leaves: docs/recovery.md.

mod back_off;
mod batch;
mod chain;
mod claim;
mod consumer;
mod producer;
mod repair;
mod room;
mod waiters;
mod word;

pub use super::{Payload, Peeked};
pub use chain::{Chain, Link};
pub use consumer::{Blocked, Consumer};
pub use producer::Producer;
pub use repair::{Repaired, is_reserved, repair, written};
pub use word::{State, Word};

use crate::layout::GRANULE;
use crate::record::span;

/// Bytes of ring space that a record with a payload of `length` bytes takes.
const fn room(length: usize) -> u64 {
    span(length).next_multiple_of(GRANULE) as u64
}
