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

use std::ops::Range;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::ages;
use crate::census::{Census, census};
use crate::error::{Code, Error, Result};
use crate::identity::{base_count_of, describe, label, started};
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
    /// Takes a slot in which nothing of former owners has to be settled; see [`Slot::take_settling`].
    /// `base_count` is the ledger's count by now.
    pub fn take<M: Memory>(
        segment: &Segment,
        memory: &M,
        index: u32,
        role: Role,
        label: &str,
        base_count: u64,
    ) -> Result<Option<Slot>> {
        let taken = Slot::take_settling(segment, memory, index, role, label, || Ok(((), base_count)))?;
        Ok(taken.map(|(slot, ())| slot))
    }

    /// Takes a slot. `None`: somebody who lives has it, or is just taking it. `settle` makes the slot
    /// ready for its new owner, while it is locked and not yet held: it returns what the owner gets, and
    /// the ledger's count.
    ///
    /// Who is stopped anywhere in here holds a lock, and must not be taken for the last owner by it. So
    /// a dead owner is marked as such before the lock is asked for, and the slot is *held* again only
    /// when nothing of it is left: to whoever looks at the state first, a lock says nothing between.
    pub fn take_settling<M: Memory, T>(
        segment: &Segment,
        memory: &M,
        index: u32,
        role: Role,
        label: &str,
        settle: impl FnOnce() -> Result<(T, u64)>,
    ) -> Result<Option<(Slot, T)>> {
        let layout = segment.layout();
        if index >= layout.slot_count || role != Role::of(index) {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("slot {index} is not one for a {}", role.name()),
            ));
        }
        let at = layout.slot(index);
        let (state, verdict) = look(&|at| segment.probe(at), memory, at)?;
        if verdict == SlotState::Alive {
            return Ok(None);
        }
        let started = started()?;
        if is_held(state) {
            bury(memory, at, state);
        }
        let Some(lock) = ByteLock::try_exclusive(segment, at)? else {
            return Ok(None);
        };
        // ORDERING: observes the last owner's owners::Slot::release or a recoverer's
        // owners::bury, and what they had written before.
        let before = memory.load64(at + slot::STATE, Acquire);
        check(before, at)?;
        if is_held(before) {
            // Another owner came and died since the look above, or we would not have the lock.
            bury(memory, at, before);
        }
        let (settled, base_count) = settle()?;
        // ORDERING: a reader that sees a word below also sees that the slot was not held before;
        // partner: the acquire fence in owners::read.
        memory.fence(Release);
        describe(memory, at, role, label, started, base_count);
        let state = (number(before) + 1) << 8 | HELD;
        ages::stamp(memory, at, state);
        // ORDERING: publishes the words above and what was settled, an mpsc producer's floor among it;
        // partner: owners::read and owners::look.
        memory.store64(at + slot::STATE, state, Release);
        Ok(Some((Slot { lock, index, at, state }, settled)))
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
        // ORDERING: publishes what this owner wrote; partner: owners::Slot::take_settling and owners::look.
        // A failure means that a broken lock let somebody declare us dead: his word stands.
        let _ = memory.compare_exchange64(at, self.state, free, Release, Relaxed);
        drop(self.lock);
    }
}

/// Who holds slots, the dead included who have not been recovered: all at one moment.
pub fn owners<M: Memory>(segment: &Segment, memory: &M) -> Result<Vec<Owner>> {
    let layout = segment.layout();
    segment.probing(|probe| {
        let look = |index| read(probe, layout, memory, index);
        let owners = census(memory, layout, 0..layout.slot_count, |_| false, look)?;
        Ok(owners.found.into_iter().flatten().collect())
    })
}

/// How many owners of each role live: at one moment, or somewhat more if they come and go too fast.
pub fn living<M: Memory>(segment: &Segment, memory: &M) -> Result<Living> {
    let slots = 0..segment.layout().slot_count;
    let Census { found, states, after } = verdicts(segment, memory, slots.clone(), |_| false)?;
    let mut living = Living::default();
    for (index, place) in slots.zip(0..) {
        if found[place] == SlotState::Alive || states[place] != after[place] {
            match Role::of(index) {
                Role::Producer => living.producers += 1,
                Role::Consumer => living.consumers += 1,
            }
        }
    }
    Ok(living)
}

/// What is known of the owners of `slots`, up to one that is `enough`.
pub fn verdicts<M: Memory>(
    segment: &Segment,
    memory: &M,
    slots: Range<u32>,
    enough: impl Fn(SlotState) -> bool,
) -> Result<Census<SlotState>> {
    let layout = segment.layout();
    segment.probing(|probe| {
        let look = |index| look(probe, memory, layout.slot(index)).map(|(_, verdict)| verdict);
        census(memory, layout, slots.clone(), |verdict| enough(*verdict), look)
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

/// Whether no producer lives but, perhaps, the owner of slot `except`. What it says holds for each slot
/// when it was looked at, and not for all of them at one moment: that is what [`verdicts`] is for.
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

/// The number of the attachment that a state word is of, or that it comes after.
pub(crate) const fn number(state: u64) -> u64 {
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
    // ORDERING: acquire, so that the lock is asked after this load; partner: owners::Slot::take_settling,
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
    // acquire, so that nothing done afterwards comes before. Partner: owners::Slot::take_settling.
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
            base_count: memory.load64(at + base_count_of(Role::of(index)), Relaxed),
            state,
        };
        // ORDERING: if a word above was a later owner's, the load below sees that the state has
        // changed; partner: the release fence in owners::Slot::take_settling.
        memory.fence(Acquire);
        if memory.load64(at + slot::STATE, Relaxed) == state {
            return Ok(Some(owner));
        }
    }
    // A slot that changes hands all the time has nobody to tell of.
    Ok(None)
}
