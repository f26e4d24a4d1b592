//! [`Memory`] made of loom's primitives: every interleaving, and every value that a load may return.
//!
//! Control words are loom's atomics. The data area, headers included, is made of loom's cells: the
//! protocol promises that nobody touches bytes there that another party may be writing, so an access
//! that no happens-before edge orders is a failure even where the machine would forgive it. Sleeping
//! has no time limit and no spurious return: a wake that is lost is a deadlock, which loom reports.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64 as QuietU64, AtomicUsize, Ordering};
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, AtomicU64, fence};
use loom::thread::{self, Thread};
use shmring::layout::{CONSUMER_SLOT, GRANULE, Kind, Layout, control, slot};
use shmring::memory::Memory;
use shmring::ring::mpsc::{self, State};
use shmring::ring::spsc::PRODUCER_SLOT;

use super::weaken::{Weaken, Weakened, ordering};

/// A ring of `capacity` bytes with nothing around it: loom's time goes by the number of words.
pub const fn layout(capacity: usize) -> Layout {
    let slots = control::BYTES;
    let data = slots + 2 * slot::BYTES;
    Layout {
        kind: Kind::Spsc,
        capacity,
        slot_count: 2,
        control: 0,
        slots,
        chain: data,
        data,
        size: data + capacity,
    }
}

/// Offsets of the words of such a ring, whatever its capacity.
pub mod word {
    use super::{CONSUMER_SLOT, PRODUCER_SLOT, control, layout, slot};

    pub const TAIL: usize = control::TAIL;
    pub const HEAD: usize = control::HEAD;
    pub const SEALED: usize = control::SEALED;
    pub const CONSUMER: usize = layout(64).slot(CONSUMER_SLOT);
    pub const PRODUCER: usize = layout(64).slot(PRODUCER_SLOT);
    pub const WRITING: usize = PRODUCER + slot::WRITING;
    pub const WANTED: usize = PRODUCER + slot::WANTED;
    /// The stamps of the two entries of the producer's ledger and of the consumer's.
    pub const WRITTEN: [usize; 2] =
        [PRODUCER + slot::LEDGER, PRODUCER + slot::LEDGER + slot::LEDGER_ENTRY_BYTES];
    pub const READ: [usize; 2] =
        [CONSUMER + slot::LEDGER, CONSUMER + slot::LEDGER + slot::LEDGER_ENTRY_BYTES];
}

/// A word of the control, slot or chain area.
enum Word {
    Narrow(AtomicU32),
    Wide(AtomicU64),
    /// A word that no party of the scenario looks at while another writes it, such as a hint for people:
    /// outside the model, to keep it small.
    Quiet(QuietU64),
}

/// Which words of an `mpsc` ring a scenario is about, besides those of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Nobody sleeps, seals, or takes a slot over.
    Records,
    /// Slots get new owners.
    Owners,
    Sleep,
}

struct Shared {
    layout: Layout,
    words: BTreeMap<usize, Word>,
    data: Vec<UnsafeCell<u64>>,
    asleep: Mutex<Vec<(usize, Thread)>>,
    sleeps: AtomicUsize,
    weakened: Weakened,
}

/// The words of a slot, whose owner is told of the others by `asleep` and followed by others in `owned`.
fn slot_words(words: &mut BTreeMap<usize, Word>, slot: usize, stamp: u64, asleep: bool, owned: bool) {
    let narrow = || if asleep { Word::Narrow(AtomicU32::new(0)) } else { Word::Quiet(QuietU64::new(0)) };
    let wide = |loud: bool, value| {
        if loud { Word::Wide(AtomicU64::new(value)) } else { Word::Quiet(QuietU64::new(value)) }
    };
    for at in [slot::SLEEP, slot::EPOCH, slot::WRITING] {
        words.insert(slot + at, narrow());
    }
    words.insert(slot + slot::WANTED, wide(asleep, 0));
    for entry in [slot::LEDGER, slot::LEDGER + slot::LEDGER_ENTRY_BYTES] {
        for (field, value) in [(0, stamp), (8, 0), (16, 0)] {
            words.insert(slot + entry + field, wide(owned, value));
        }
    }
    for at in [slot::FLOOR, slot::VOID] {
        words.insert(slot + at, wide(owned, 0));
    }
    for at in [slot::FULL, slot::ABORTED, slot::CLAIM_POSITION, slot::CLAIM_BYTES, slot::CLAIM_SINCE] {
        words.insert(slot + at, wide(false, 0));
    }
}

/// A segment inside a loom model; copies are handles of the same one. Loom runs all threads of a
/// model on one of the machine's, so nothing here is shared for real.
#[derive(Clone)]
pub struct LoomMemory(Rc<Shared>);

impl LoomMemory {
    /// An empty `spsc` ring of `capacity` bytes in which `position` bytes have passed.
    pub fn new(capacity: usize, position: u64, weakened: Weakened) -> Self {
        let mut words = BTreeMap::new();
        words.insert(word::SEALED, Word::Narrow(AtomicU32::new(0)));
        for slot in [word::CONSUMER, word::PRODUCER] {
            slot_words(&mut words, slot, position, true, true);
        }
        Self::with(layout(capacity), position, words, weakened)
    }

    /// An empty `mpsc` ring in which `position` bytes have passed.
    pub fn mpsc(layout: Layout, position: u64, about: About, weakened: Weakened) -> Self {
        let mut words = BTreeMap::new();
        let (asleep, owned) = (about == About::Sleep, about == About::Owners);
        let quiet = || Word::Quiet(QuietU64::new(0));
        words.insert(control::SEALED, if asleep { Word::Narrow(AtomicU32::new(0)) } else { quiet() });
        for index in 0..control::WAITER_WORDS {
            let first = asleep && index == 0;
            let word = if first { Word::Wide(AtomicU64::new(0)) } else { quiet() };
            words.insert(control::WAITERS + 8 * index, word);
        }
        for index in 0..layout.slot_count {
            let stamp = if index == CONSUMER_SLOT { position } else { 0 };
            slot_words(&mut words, layout.slot(index), stamp, asleep, owned && index != CONSUMER_SLOT);
        }
        for granule in 0..layout.capacity / GRANULE {
            words.insert(layout.chain + 8 * granule, Word::Wide(AtomicU64::new(0)));
        }
        Self::with(layout, position, words, weakened)
    }

    fn with(layout: Layout, position: u64, mut words: BTreeMap<usize, Word>, weakened: Weakened) -> Self {
        for at in [word::TAIL, word::HEAD] {
            words.insert(at, Word::Wide(AtomicU64::new(position)));
        }
        let data = (0..layout.capacity / 8).map(|_| UnsafeCell::new(0)).collect();
        let (asleep, sleeps) = (Mutex::default(), AtomicUsize::new(0));
        LoomMemory(Rc::new(Shared { layout, words, data, asleep, sleeps, weakened }))
    }

    pub fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// How often somebody has gone to sleep and not found on the way that there is no need.
    pub fn sleeps(&self) -> usize {
        self.0.sleeps.load(Ordering::Relaxed)
    }

    fn order(&self, weaken: Weaken, order: Ordering) -> Ordering {
        ordering(self.0.weakened, weaken, order)
    }

    fn weakened(&self, weaken: Weaken) -> bool {
        self.0.weakened.contains(&weaken)
    }

    /// The 32-bit word at `at`, unless it is quiet.
    fn narrow(&self, at: usize) -> Result<&AtomicU32, &QuietU64> {
        match self.0.words.get(&at) {
            Some(Word::Narrow(word)) => Ok(word),
            Some(Word::Quiet(word)) => Err(word),
            _ => panic!("no 32-bit word lies at {at}"),
        }
    }

    fn word(&self, at: usize) -> &Word {
        self.0.words.get(&at).unwrap_or_else(|| panic!("no word lies at {at}"))
    }

    /// The cell of the data area at offset `at` of the segment, if it lies there.
    fn cell(&self, at: usize) -> Option<&UnsafeCell<u64>> {
        let at = at.checked_sub(self.0.layout.data)?;
        assert_eq!(at % 8, 0, "unaligned");
        Some(self.0.data.get(at / 8).expect("an offset within the data area"))
    }

    /// The cells of `length` bytes from `at`, each with the number of its bytes that are meant.
    fn cells(&self, at: usize, length: usize) -> impl Iterator<Item = (&UnsafeCell<u64>, usize)> {
        (0..length).step_by(8).map(move |from| {
            let cell = self.cell(at + from).expect("payloads lie in the data area");
            (cell, (length - from).min(8))
        })
    }
}

// SAFETY: the words are loom's atomics; the memory lives as long as its handles.
unsafe impl Memory for LoomMemory {
    fn load32(&self, at: usize, order: Ordering) -> u32 {
        match self.narrow(at) {
            Ok(word) => word.load(self.order(Weaken::Load(at), order)),
            Err(quiet) => quiet.load(order) as u32,
        }
    }

    fn store32(&self, at: usize, value: u32, order: Ordering) {
        match self.narrow(at) {
            Ok(word) => word.store(value, self.order(Weaken::Store(at), order)),
            Err(quiet) => quiet.store(u64::from(value), order),
        }
    }

    fn add32(&self, at: usize, value: u32, order: Ordering) -> u32 {
        let value = if self.weakened(Weaken::NoUpdate(at)) { 0 } else { value };
        match self.narrow(at) {
            Ok(word) => word.fetch_add(value, self.order(Weaken::Update(at), order)),
            Err(quiet) => quiet.fetch_add(u64::from(value), order) as u32,
        }
    }

    fn load64(&self, at: usize, order: Ordering) -> u64 {
        if let Some(cell) = self.cell(at) {
            // SAFETY: loom refuses the access if another is not ordered with it.
            return cell.with(|value| unsafe { *value });
        }
        match self.word(at) {
            Word::Wide(word) => word.load(self.order(Weaken::Load(at), order)),
            Word::Quiet(word) => word.load(order),
            Word::Narrow(_) => panic!("a 32-bit word lies at {at}"),
        }
    }

    fn store64(&self, at: usize, value: u64, order: Ordering) {
        if let Some(cell) = self.cell(at) {
            // SAFETY: loom refuses the access if another is not ordered with it.
            return cell.with_mut(|target| unsafe { *target = value });
        }
        match self.word(at) {
            Word::Wide(word) => word.store(value, self.order(Weaken::Store(at), order)),
            Word::Quiet(word) => word.store(value, order),
            Word::Narrow(_) => panic!("a 32-bit word lies at {at}"),
        }
    }

    fn compare_exchange64(
        &self,
        at: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let mut success = self.order(Weaken::Update(at), success);
        if at >= self.0.layout.chain && mpsc::Word(new).state() == State::Reserved {
            success = self.order(Weaken::Reserve, success);
        }
        match self.word(at) {
            Word::Wide(word) => word.compare_exchange(current, new, success, failure),
            Word::Quiet(word) => word.compare_exchange(current, new, success, failure),
            Word::Narrow(_) => panic!("a 32-bit word lies at {at}"),
        }
    }

    unsafe fn copy_in(&self, at: usize, source: *const u8, length: usize) {
        for (index, (cell, bytes)) in self.cells(at, length).enumerate() {
            // SAFETY: loom refuses the access to the cell if another is not ordered with it; the
            // source is readable by the caller's contract.
            cell.with_mut(|target| unsafe {
                source.add(8 * index).copy_to_nonoverlapping(target.cast(), bytes);
            });
        }
    }

    unsafe fn copy_out(&self, at: usize, target: *mut u8, length: usize) {
        for (index, (cell, bytes)) in self.cells(at, length).enumerate() {
            // SAFETY: as in copy_in; the target is writable by the caller's contract.
            cell.with(|source| unsafe {
                target.add(8 * index).copy_from_nonoverlapping(source.cast(), bytes);
            });
        }
    }

    fn fence(&self, order: Ordering) {
        if !self.weakened(Weaken::NoFence(order)) {
            fence(order);
        }
    }

    fn publisher_fence(&self) {
        if !self.weakened(Weaken::NoPublisherFence) {
            // ORDERING: SeqCst, as the trait asks for; partner: sleeper_fence.
            fence(Ordering::SeqCst);
        }
    }

    fn sleeper_fence(&self) -> bool {
        if !self.weakened(Weaken::NoSleeperFence) {
            // ORDERING: SeqCst, as the trait asks for; partner: publisher_fence.
            fence(Ordering::SeqCst);
        }
        true
    }

    fn wait32(&self, at: usize, expected: u32, _limit: Duration) {
        // ORDERING: Relaxed; the kernel compares the newest value, under a lock, and promises its
        // caller nothing more. An update that changes nothing sees the newest value. Up to `park`
        // there is no point at which another thread could run.
        let word = self.narrow(at).expect("a scenario that is about sleep");
        if word.fetch_add(0, Ordering::Relaxed) == expected {
            self.0.sleeps.fetch_add(1, Ordering::Relaxed);
            self.0.asleep.lock().unwrap().push((at, thread::current()));
            thread::park();
        }
    }

    fn wake32(&self, at: usize) {
        if self.weakened(Weaken::NoWake) {
            return;
        }
        self.0.asleep.lock().unwrap().retain(|(word, sleeper)| {
            if *word == at {
                sleeper.unpark();
            }
            *word != at
        });
    }
}
