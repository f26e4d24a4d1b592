//! shmring's `mpsc` protocol without its owners, checks and counters, for granules of any size and
//! control words in several places.
//!
//! ```text
//! word   lap, from 1, 32 bits | bytes of the reservation, header included, 30 bits | state, 2 bits
//! ```
//!
//! One CAS of the word at the tail takes the space, a second commits it. A word of an earlier lap, or
//! of none, is free.

use std::hint::spin_loop;
use std::io::Result;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::CAPACITY;
use super::area::{Area, rest};
use super::sides;
use crate::ring::{HEADER, linger};

const HEAD: usize = 0;
const TAIL: usize = 128;

const RESERVED: u64 = 0;
const COMMITTED: u64 = 1;
const PAD: u64 = 2;
const STATE_MASK: u64 = 3;
const LAP_SHIFT: u32 = 32;

/// Eight words to a line, headers before the payload: as shmring has it.
pub const PACKED: u8 = 0;
/// Each word in a line of its own, headers before the payload.
pub const PADDED: u8 = 1;
/// The word is the record's header. Of use for one producer only: another that was held up after its look
/// at the tail would find payload where it looks for a word, and take it for a free one.
pub const IN_PLACE: u8 = 2;
/// Word and header beside each other, four pairs to a line; payloads start at granules.
pub const BESIDE: u8 = 3;

/// `PAUSES`: the most that a producer waits after another was first, see [`BackOff`].
#[derive(Clone, Copy)]
pub struct Chain<const GRANULE: usize, const WORDS: u8, const PAUSES: u16 = 0>(Area);

impl<const GRANULE: usize, const WORDS: u8, const PAUSES: u16> sides::Ring for Chain<GRANULE, WORDS, PAUSES> {
    type Producer = Producer<GRANULE, WORDS, PAUSES>;
    type Consumer = Consumer<GRANULE, WORDS, PAUSES>;

    fn new() -> Result<Self> {
        Area::new(CAPACITY / GRANULE * Self::STRIDE).map(Chain)
    }

    fn producer(self, _: usize) -> Producer<GRANULE, WORDS, PAUSES> {
        Producer { chain: self, head: 0 }
    }

    fn consumer(self) -> Consumer<GRANULE, WORDS, PAUSES> {
        Consumer { chain: self, head: 0 }
    }
}

/// A producer that has met another waits before it tries again, twice as long each time: the other one
/// then writes several records while it has the lines.
struct BackOff<const MOST: u16>(u16);

impl<const MOST: u16> BackOff<MOST> {
    #[inline(always)]
    fn wait(&mut self) {
        for _ in 0..self.0 {
            spin_loop();
        }
        self.0 = (2 * self.0).clamp(if MOST < 4 { MOST } else { 4 }, MOST);
    }
}

/// Whose turn the place of a word is.
enum Place {
    Free(u64),
    Taken(u64),
    /// A lap further: the tail was read too long ago.
    Past,
}

const fn lap(position: usize) -> u64 {
    (position / CAPACITY) as u64 + 1
}

const fn bytes(word: u64) -> usize {
    (word as u32 >> 2) as usize
}

impl<const GRANULE: usize, const WORDS: u8, const PAUSES: u16> Chain<GRANULE, WORDS, PAUSES> {
    /// Bytes between two words beside the data.
    const STRIDE: usize = match WORDS {
        PACKED => 8,
        PADDED => 64,
        BESIDE => 16,
        _ => 0,
    };
    /// Bytes before a payload.
    const BEFORE: usize = if WORDS == BESIDE { 0 } else { HEADER };

    #[inline(always)]
    fn word(&self, position: usize) -> &AtomicU64 {
        match WORDS {
            IN_PLACE => self.0.header(position),
            _ => self.0.beside((position & (CAPACITY - 1)) / GRANULE * Self::STRIDE),
        }
    }

    /// Where the length is, unless the word has it.
    #[inline(always)]
    fn header(&self, position: usize) -> &AtomicU64 {
        match WORDS {
            BESIDE => self.0.beside((position & (CAPACITY - 1)) / GRANULE * Self::STRIDE + 8),
            _ => self.0.header(position),
        }
    }

    #[inline(always)]
    fn look(&self, position: usize) -> Place {
        // ORDERING: acquire: what was committed, and the consumer's reads before a word was replaced;
        // partner: every exchange of a word.
        let word = self.word(position).load(Acquire);
        match (word >> LAP_SHIFT).cmp(&lap(position)) {
            // In place, a payload of an earlier lap may look like a later one.
            std::cmp::Ordering::Greater if WORDS != IN_PLACE => Place::Past,
            std::cmp::Ordering::Equal => Place::Taken(word),
            _ => Place::Free(word),
        }
    }

    /// Moves the tail behind the reservation at `position`, unless somebody has.
    #[inline(always)]
    fn help(&self, position: usize, word: u64) {
        let end = position + self.room(word);
        // ORDERING: release: the word is there; acquire: so are those before.
        let _ = self.0.word(TAIL).compare_exchange(position as u64, end as u64, AcqRel, Relaxed);
    }

    #[inline(always)]
    fn room(&self, word: u64) -> usize {
        bytes(word).next_multiple_of(GRANULE)
    }
}

pub struct Producer<const GRANULE: usize, const WORDS: u8, const PAUSES: u16> {
    chain: Chain<GRANULE, WORDS, PAUSES>,
    head: usize,
}

impl<const GRANULE: usize, const WORDS: u8, const PAUSES: u16> Producer<GRANULE, WORDS, PAUSES> {
    /// Takes room for `length` bytes; where, and its word.
    #[inline]
    fn reserve(&mut self, length: usize) -> Option<(usize, u64)> {
        let (chain, mut back_off) = (self.chain, BackOff::<PAUSES>(0));
        loop {
            back_off.wait();
            // ORDERING: acquire: the words before the tail; partner: `Chain::help`.
            let tail = chain.0.word(TAIL).load(Acquire) as usize;
            let found = match chain.look(tail) {
                Place::Free(found) => found,
                Place::Taken(word) => {
                    chain.help(tail, word);
                    continue;
                }
                Place::Past => continue,
            };
            let (need, rest) = (length.next_multiple_of(GRANULE), rest(tail));
            let (taken, state) = if need > rest { (rest, PAD) } else { (length, RESERVED) };
            let end = tail + if need > rest { rest + need } else { need };
            if end > self.head + CAPACITY {
                // ORDERING: acquire: the consumer has done with the bytes before it; partner:
                // `Consumer::drain`.
                let head = chain.0.word(HEAD).load(Acquire) as usize;
                if head == self.head {
                    return None;
                }
                self.head = head;
                continue;
            }
            let word = lap(tail) << LAP_SHIFT | (taken as u64) << 2 | state;
            // ORDERING: release: who sees the word sees a head that made room for it; partner: `look`.
            if chain.word(tail).compare_exchange(found, word, Release, Relaxed).is_ok() {
                chain.help(tail, word);
                if state == RESERVED {
                    return Some((tail, word));
                }
            }
        }
    }
}

impl<const GRANULE: usize, const WORDS: u8, const PAUSES: u16> sides::Producer
    for Producer<GRANULE, WORDS, PAUSES>
{
    #[inline]
    fn try_write(&mut self, record: &[u8]) -> bool {
        let chain = self.chain;
        let Some((start, word)) = self.reserve(chain_bytes::<GRANULE, WORDS, PAUSES>(record.len())) else {
            return false;
        };
        if WORDS != IN_PLACE {
            // ORDERING: relaxed: the commit publishes it.
            chain.header(start).store(record.len() as u64, Relaxed);
        }
        // SAFETY: taken by the exchange and contiguous.
        unsafe {
            let at = chain.0.data(start).add(Chain::<GRANULE, WORDS, PAUSES>::BEFORE);
            at.copy_from_nonoverlapping(record.as_ptr(), record.len());
        }
        // ORDERING: release: the payload; partner: `Consumer::drain`. An exchange although nobody else
        // would change it: in a real ring somebody may have called this writer dead.
        chain.word(start).compare_exchange(word, word | COMMITTED, Release, Relaxed).is_ok()
    }
}

const fn chain_bytes<const GRANULE: usize, const WORDS: u8, const PAUSES: u16>(length: usize) -> usize {
    Chain::<GRANULE, WORDS, PAUSES>::BEFORE + length
}

pub struct Consumer<const GRANULE: usize, const WORDS: u8, const PAUSES: u16> {
    chain: Chain<GRANULE, WORDS, PAUSES>,
    head: usize,
}

impl<const GRANULE: usize, const WORDS: u8, const PAUSES: u16> sides::Consumer
    for Consumer<GRANULE, WORDS, PAUSES>
{
    #[inline]
    fn drain(&mut self, mut handler: impl FnMut(*const u8, usize)) -> usize {
        let chain = self.chain;
        let (mut position, mut count) = (self.head, 0);
        let limit = position + CAPACITY / 8;
        while position < limit {
            let Place::Taken(word) = chain.look(position) else { break };
            match word & STATE_MASK {
                COMMITTED => {
                    let before = Chain::<GRANULE, WORDS, PAUSES>::BEFORE;
                    let length = match WORDS {
                        IN_PLACE => bytes(word) - before,
                        // ORDERING: relaxed: visible with the word.
                        _ => chain.header(position).load(Relaxed) as usize,
                    };
                    // SAFETY: the payload follows, inside the buffer.
                    handler(unsafe { chain.0.data(position).add(before) }, length);
                    count += 1;
                }
                // Nobody may find the tail before the head.
                PAD => chain.help(position, word),
                _ => break,
            }
            position += chain.room(word);
        }
        if position != self.head {
            self.head = position;
            // ORDERING: release: our reads of these bytes; partner: `Producer::reserve`.
            chain.0.word(HEAD).store(position as u64, Release);
        }
        count
    }

    fn linger(&mut self, lag: Duration) {
        linger(lag, || {
            // ORDERING: relaxed: a hint how much there is.
            let tail = self.chain.0.word(TAIL).load(Ordering::Relaxed) as usize;
            tail.saturating_sub(self.head) >= CAPACITY / 8
        });
    }
}
