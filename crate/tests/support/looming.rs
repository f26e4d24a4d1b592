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
use shmring::layout::{CONSUMER_SLOT, Kind, Layout, control, slot};
use shmring::memory::Memory;
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

/// A word of the control or slot area.
enum Word {
    Narrow(AtomicU32),
    Wide(AtomicU64),
    /// A hint for people, which no protocol looks at: outside the model, to keep it small.
    Quiet(QuietU64),
}

struct Shared {
    layout: Layout,
    words: BTreeMap<usize, Word>,
    data: Vec<UnsafeCell<u64>>,
    asleep: Mutex<Vec<(usize, Thread)>>,
    sleeps: AtomicUsize,
    weakened: Weakened,
}

/// A segment inside a loom model; copies are handles of the same one. Loom runs all threads of a
/// model on one of the machine's, so nothing here is shared for real.
#[derive(Clone)]
pub struct LoomMemory(Rc<Shared>);

impl LoomMemory {
    /// An empty ring of `capacity` bytes in which `position` bytes have passed.
    pub fn new(capacity: usize, position: u64, weakened: Weakened) -> Self {
        let layout = layout(capacity);
        let mut words = BTreeMap::new();
        for at in [word::TAIL, word::HEAD] {
            words.insert(at, Word::Wide(AtomicU64::new(position)));
        }
        words.insert(word::SEALED, Word::Narrow(AtomicU32::new(0)));
        for slot in [word::CONSUMER, word::PRODUCER] {
            for at in [slot::SLEEP, slot::EPOCH, slot::WRITING] {
                words.insert(slot + at, Word::Narrow(AtomicU32::new(0)));
            }
            words.insert(slot + slot::WANTED, Word::Wide(AtomicU64::new(0)));
            for entry in [slot::LEDGER, slot::LEDGER + slot::LEDGER_ENTRY_BYTES] {
                for (field, value) in [(0, position), (8, 0), (16, 0)] {
                    words.insert(slot + entry + field, Word::Wide(AtomicU64::new(value)));
                }
            }
            for at in [slot::FULL, slot::ABORTED, slot::CLAIM_POSITION, slot::CLAIM_BYTES, slot::CLAIM_SINCE]
            {
                words.insert(slot + at, Word::Quiet(QuietU64::new(0)));
            }
        }
        let data = (0..capacity / 8).map(|_| UnsafeCell::new(0)).collect();
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

    fn narrow(&self, at: usize) -> &AtomicU32 {
        match self.0.words.get(&at) {
            Some(Word::Narrow(word)) => word,
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
        self.narrow(at).load(self.order(Weaken::Load(at), order))
    }

    fn store32(&self, at: usize, value: u32, order: Ordering) {
        self.narrow(at).store(value, self.order(Weaken::Store(at), order));
    }

    fn add32(&self, at: usize, value: u32, order: Ordering) -> u32 {
        let value = if self.weakened(Weaken::NoUpdate(at)) { 0 } else { value };
        self.narrow(at).fetch_add(value, self.order(Weaken::Update(at), order))
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
        let Word::Wide(word) = self.word(at) else { panic!("no 64-bit word lies at {at}") };
        word.compare_exchange(current, new, self.order(Weaken::Update(at), success), failure)
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

    fn sleeper_fence(&self) {
        if !self.weakened(Weaken::NoSleeperFence) {
            // ORDERING: SeqCst, as the trait asks for; partner: publisher_fence.
            fence(Ordering::SeqCst);
        }
    }

    fn wait32(&self, at: usize, expected: u32, _limit: Duration) {
        // ORDERING: Relaxed; the kernel compares the newest value, under a lock, and promises its
        // caller nothing more. An update that changes nothing sees the newest value. Up to `park`
        // there is no point at which another thread could run.
        if self.narrow(at).fetch_add(0, Ordering::Relaxed) == expected {
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
