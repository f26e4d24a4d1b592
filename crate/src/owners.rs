//! Who owns which slot: the words say who, the lock of the slot's first byte says whether he lives.
//!
//! A slot's state word is an attachment number, growing at every take, and a status:
//!
//! ```text
//! 63                                  8 7      0
//! |          attachment number         | status |    0 free, 1 held, 2 died
//! ```
//!
//! *Held* with a free lock means that the owner died. The order of every verdict is word, then
//! lock, then a CAS of exactly that word: the owner locked before it wrote the word, so a lock
//! found free *after* the word was read proves that owner gone, whoever comes next.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::ages;
use crate::error::{Code, Error, Result};
use crate::layout::{CONSUMER_SLOT, Layout, slot};
use crate::lock::{ByteLock, Liveness, Probe};
use crate::memory::Memory;
use crate::segment::Segment;

const FREE: u64 = 0;
const HELD: u64 = 1;
const DIED: u64 = 2;

/// How often a slot is looked at again that changes hands while it is looked at.
const LOOKS: usize = 16;

/// What the owner of a slot does. The slot's index decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Producer = 1,
    Consumer = 2,
}

impl Role {
    pub const fn of(index: u32) -> Role {
        if index == CONSUMER_SLOT { Role::Consumer } else { Role::Producer }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Role::Producer => "producer",
            Role::Consumer => "consumer",
        }
    }
}

/// What is known of a slot's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Never used, or its last owner closed it.
    Free,
    /// Its last owner died.
    Died,
    Alive,
}

/// The owner of a slot, alive or dead and not yet recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub slot: u32,
    pub role: Role,
    pub pid: u32,
    pub label: String,
    pub alive: bool,
    /// How long the slot has been held, in milliseconds.
    pub since_ms: u64,
    /// Start time of the process in clock ticks since boot.
    pub started: u64,
    /// The ledger's count when the slot was taken.
    pub base_count: u64,
    /// The state word: equal as long as it is the same attachment.
    pub state: u64,
}

/// Numbers of living owners.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Living {
    pub producers: u32,
    pub consumers: u32,
}

/// A slot that this process owns. Dropped without [`Slot::release`] it looks as if its owner died.
#[derive(Debug)]
pub struct Slot {
    lock: ByteLock,
    index: u32,
    at: usize,
    state: u64,
}

impl Slot {
    /// Takes a slot. `None`: a living owner has it. `base_count` is the ledger's count by now.
    pub fn take<M: Memory>(
        segment: &Segment,
        memory: &M,
        index: u32,
        role: Role,
        label: &str,
        base_count: u64,
    ) -> Result<Option<Slot>> {
        let layout = segment.layout();
        if index >= layout.slot_count || role != Role::of(index) {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("slot {index} is not one for a {}", role.name()),
            ));
        }
        // What can fail comes first: from the lock on there are only stores.
        let started = started()?;
        let at = layout.slot(index);
        let Some(lock) = ByteLock::try_exclusive(segment, at)? else {
            return Ok(None);
        };
        // ORDERING: observes the last owner's owners::Slot::release or a recoverer's
        // owners::bury, and what they had written before.
        let before = memory.load64(at + slot::STATE, Acquire);
        check(before, at)?;
        if is_held(before) {
            // Its owner is dead, or we would not have the lock. Whoever reads the words below while
            // they change must not take them for that owner's.
            bury(memory, at, before);
        }
        // ORDERING: a reader that sees a word below also sees that the slot was not held before;
        // partner: the acquire fence in owners::read.
        memory.fence(Release);
        let state = (number(before) + 1) << 8 | HELD;
        describe(memory, at, label, started, base_count);
        ages::stamp(memory, at, state);
        // ORDERING: publishes the words above; partner: owners::read and owners::look.
        memory.store64(at + slot::STATE, state, Release);
        Ok(Some(Slot { lock, index, at, state }))
    }

    pub fn index(&self) -> u32 {
        self.index
    }

    /// The state word of this attachment.
    pub fn state(&self) -> u64 {
        self.state
    }

    /// A clean end: the state says free, then the lock is.
    pub fn release<M: Memory>(self, memory: &M) {
        // In a forked child the slot is still its parent's.
        if self.lock.is_inherited() {
            return;
        }
        let free = number(self.state) << 8 | FREE;
        let at = self.at + slot::STATE;
        // ORDERING: publishes what this owner wrote; partner: owners::Slot::take and owners::look.
        // A failure means that a broken lock let somebody declare us dead: his word stands.
        let _ = memory.compare_exchange64(at, self.state, free, Release, Relaxed);
        drop(self.lock);
    }
}

/// Who holds slots, the dead included who have not been recovered.
pub fn owners<M: Memory>(segment: &Segment, memory: &M) -> Result<Vec<Owner>> {
    let layout = segment.layout();
    segment.probing(|probe| {
        let owners = (0..layout.slot_count).map(|index| read(probe, layout, memory, index));
        owners.filter_map(Result::transpose).collect()
    })
}

/// How many owners of each role live.
pub fn living<M: Memory>(segment: &Segment, memory: &M) -> Result<Living> {
    let layout = segment.layout();
    segment.probing(|probe| {
        let mut living = Living::default();
        for index in 0..layout.slot_count {
            let (_, verdict) = look(probe, memory, layout.slot(index))?;
            match (verdict, Role::of(index)) {
                (SlotState::Alive, Role::Producer) => living.producers += 1,
                (SlotState::Alive, Role::Consumer) => living.consumers += 1,
                (SlotState::Free | SlotState::Died, _) => {}
            }
        }
        Ok(living)
    })
}

/// Who holds slot `index`, alive or dead and not yet recovered.
pub fn owner<M: Memory>(segment: &Segment, memory: &M, index: u32) -> Result<Option<Owner>> {
    read(&|at| segment.probe(at), segment.layout(), memory, index)
}

/// What is known of the owner of one slot.
pub fn liveness<M: Memory>(segment: &Segment, memory: &M, index: u32) -> Result<SlotState> {
    let at = segment.layout().slot(index);
    look(&|at| segment.probe(at), memory, at).map(|(_, verdict)| verdict)
}

/// Whether the owner of one slot lives.
pub fn is_alive<M: Memory>(segment: &Segment, memory: &M, index: u32) -> Result<bool> {
    Ok(liveness(segment, memory, index)? == SlotState::Alive)
}

/// Whether somebody took the slot at offset `at` and did not give it back; he may be dead.
pub fn is_taken<M: Memory>(memory: &M, at: usize) -> bool {
    // ORDERING: Relaxed; the lock decides.
    is_held(memory.load64(at + slot::STATE, Relaxed))
}

/// Whether no producer lives but, perhaps, the owner of slot `except`.
pub fn no_producer_lives<M: Memory>(segment: &Segment, memory: &M, except: u32) -> Result<bool> {
    for index in (0..segment.layout().slot_count).filter(|&index| index != CONSUMER_SLOT && index != except) {
        if is_taken(memory, segment.layout().slot(index)) && is_alive(segment, memory, index)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Marks the slots whose owners are dead. Says how many it was that marked them: of any number of
/// recoverers each slot counts for one.
pub fn recover<M: Memory>(segment: &Segment, memory: &M) -> Result<u32> {
    let layout = segment.layout();
    let mut freed = 0;
    for index in 0..layout.slot_count {
        let at = layout.slot(index);
        let (state, verdict) = look(&|at| segment.probe(at), memory, at)?;
        if verdict == SlotState::Died && is_held(state) && bury(memory, at, state) {
            freed += 1;
        }
    }
    Ok(freed)
}

/// Whether a state word says that somebody took the slot and did not close it.
pub(crate) const fn is_held(state: u64) -> bool {
    state & 0xff == HELD
}

const fn number(state: u64) -> u64 {
    state >> 8
}

fn check(state: u64, at: usize) -> Result<()> {
    if state & 0xff > DIED {
        return Err(Error::corrupt("status of a slot", at + slot::STATE, "0, 1 or 2", state & 0xff));
    }
    Ok(())
}

/// The state word and what it means: word, lock, and the word again, because an owner that closes
/// between the two looks dead.
fn look<M: Memory>(probe: &Probe, memory: &M, at: usize) -> Result<(u64, SlotState)> {
    let word = at + slot::STATE;
    // ORDERING: acquire, so that the lock is asked after this load; partner: owners::Slot::take,
    // which locked before it stored.
    let mut state = memory.load64(word, Acquire);
    for _ in 0..LOOKS {
        check(state, at)?;
        match state & 0xff {
            FREE => return Ok((state, SlotState::Free)),
            DIED => return Ok((state, SlotState::Died)),
            _ => {}
        }
        if probe(at)? == Liveness::Alive {
            return Ok((state, SlotState::Alive));
        }
        // ORDERING: observes a clean end that came before the lock was free; partner:
        // owners::Slot::release.
        let again = memory.load64(word, Acquire);
        if again == state {
            return Ok((state, SlotState::Died));
        }
        state = again;
    }
    // Owners come and go faster than we look.
    Ok((state, SlotState::Alive))
}

/// Held → died, for exactly this attachment. False: it was over already.
fn bury<M: Memory>(memory: &M, at: usize, state: u64) -> bool {
    let died = number(state) << 8 | DIED;
    // ORDERING: release, for the next owner, of what the recoverer did for this slot before;
    // acquire, so that nothing done afterwards comes before. Partner: owners::Slot::take.
    memory.compare_exchange64(at + slot::STATE, state, died, AcqRel, Relaxed).is_ok()
}

/// Reads one slot's words, all of the same attachment.
fn read<M: Memory>(probe: &Probe, layout: &Layout, memory: &M, index: u32) -> Result<Option<Owner>> {
    let at = layout.slot(index);
    for _ in 0..LOOKS {
        // The acquire load of the state in look comes before the words below.
        let (state, verdict) = look(probe, memory, at)?;
        if !is_held(state) {
            return Ok(None);
        }
        // ORDERING: relaxed, here and in owners::label: the fence and the second load of the state
        // tell whether the words belong together.
        let owner = Owner {
            slot: index,
            role: Role::of(index),
            pid: memory.load32(at + slot::PID, Relaxed),
            label: label(memory, at),
            alive: verdict == SlotState::Alive,
            since_ms: ages::of_slot(memory, at, state),
            started: memory.load64(at + slot::STARTED, Relaxed),
            base_count: memory.load64(at + slot::BASE_COUNT, Relaxed),
            state,
        };
        // ORDERING: if a word above was a later owner's, the load below sees that the state has
        // changed; partner: the release fence in owners::Slot::take.
        memory.fence(Acquire);
        if memory.load64(at + slot::STATE, Relaxed) == state {
            return Ok(Some(owner));
        }
    }
    // A slot that changes hands all the time has nobody to tell of.
    Ok(None)
}

/// Stores who we are. For people: nothing is decided by it.
fn describe<M: Memory>(memory: &M, at: usize, label: &str, started: u64, base_count: u64) {
    let label = shorten(label);
    let mut bytes = [0; slot::LABEL_BYTES];
    bytes[..label.len()].copy_from_slice(label.as_bytes());
    // ORDERING: relaxed, all of them: the store of the state in owners::Slot::take publishes them.
    memory.store32(at + slot::PID, std::process::id(), Relaxed);
    memory.store64(at + slot::STARTED, started, Relaxed);
    memory.store64(at + slot::BASE_COUNT, base_count, Relaxed);
    memory.store32(at + slot::LABEL_LENGTH, label.len() as u32, Relaxed);
    for (index, word) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_ne_bytes(*word);
        memory.store64(at + slot::LABEL + index * 8, word, Relaxed);
    }
}

/// As much of a label as fits, in whole characters.
fn shorten(label: &str) -> &str {
    let mut length = label.len().min(slot::LABEL_BYTES);
    while !label.is_char_boundary(length) {
        length -= 1;
    }
    &label[..length]
}

fn label<M: Memory>(memory: &M, at: usize) -> String {
    let mut bytes = [0; slot::LABEL_BYTES];
    for (index, word) in bytes.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        // ORDERING: see owners::read.
        *word = memory.load64(at + slot::LABEL + index * 8, Relaxed).to_ne_bytes();
    }
    // ORDERING: see owners::read.
    let length = memory.load32(at + slot::LABEL_LENGTH, Relaxed) as usize;
    // A length or bytes that no healthy owner wrote cost a readable label, no more.
    String::from_utf8_lossy(&bytes[..length.min(slot::LABEL_BYTES)]).into_owned()
}

/// When this process started, in clock ticks since boot: tells it from a later one of its number.
fn started() -> Result<u64> {
    let path = "/proc/self/stat";
    let stat = std::fs::read_to_string(path)
        .map_err(|error| crate::segment::system::failure("read", &error, "cannot read /proc/self/stat"))?;
    parse_started(&stat).ok_or_else(|| {
        Error::new(Code::Unsupported, "/proc/self/stat does not tell when this process started")
    })
}

/// Field 22. The second field is the command in parentheses and may contain anything.
fn parse_started(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}
