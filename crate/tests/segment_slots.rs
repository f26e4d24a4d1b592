//! What happens to a slot between two looks at it, made to happen exactly there.

mod segment_support;

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;
use std::time::Duration;

use segment_support::{Place, view};
use shmring::attached::{Consumer, EndWhen, Producer, Ring};
use shmring::layout::slot;
use shmring::memory::Memory;
use shmring::owners::{Role, Slot, SlotState, liveness, owners, recover};
use shmring::ring::Payload;
use shmring::segment::Segment;

/// Memory in which something happens after the `nth` load of a word.
struct Hooked<'a, M> {
    inner: &'a M,
    at: usize,
    nth: Cell<u32>,
    hook: RefCell<Option<Box<dyn FnOnce() + 'a>>>,
}

impl<'a, M: Memory> Hooked<'a, M> {
    fn new(inner: &'a M, at: usize, nth: u32, hook: impl FnOnce() + 'a) -> Self {
        Hooked { inner, at, nth: Cell::new(nth), hook: RefCell::new(Some(Box::new(hook))) }
    }

    fn loaded(&self, at: usize) {
        if at == self.at {
            self.nth.set(self.nth.get().wrapping_sub(1));
            if self.nth.get() == 0
                && let Some(hook) = self.hook.take()
            {
                hook();
            }
        }
    }
}

// SAFETY: every method is that of the memory inside.
unsafe impl<M: Memory> Memory for Hooked<'_, M> {
    fn load32(&self, at: usize, order: Ordering) -> u32 {
        let value = self.inner.load32(at, order);
        self.loaded(at);
        value
    }
    fn store32(&self, at: usize, value: u32, order: Ordering) {
        self.inner.store32(at, value, order);
    }
    fn add32(&self, at: usize, value: u32, order: Ordering) -> u32 {
        self.inner.add32(at, value, order)
    }
    fn load64(&self, at: usize, order: Ordering) -> u64 {
        let value = self.inner.load64(at, order);
        self.loaded(at);
        value
    }
    fn store64(&self, at: usize, value: u64, order: Ordering) {
        self.inner.store64(at, value, order);
    }
    fn compare_exchange64(
        &self,
        at: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.inner.compare_exchange64(at, current, new, success, failure)
    }
    unsafe fn copy_in(&self, at: usize, source: *const u8, length: usize) {
        // SAFETY: as the caller promised.
        unsafe { self.inner.copy_in(at, source, length) }
    }
    unsafe fn copy_out(&self, at: usize, target: *mut u8, length: usize) {
        // SAFETY: as the caller promised.
        unsafe { self.inner.copy_out(at, target, length) }
    }
    fn fence(&self, order: Ordering) {
        self.inner.fence(order);
    }
    fn wait32(&self, at: usize, expected: u32, limit: Duration) {
        self.inner.wait32(at, expected, limit);
    }
    fn wake32(&self, at: usize) {
        self.inner.wake32(at);
    }
}

fn take(segment: &Segment, memory: &impl Memory, label: &str, count: u64) -> Slot {
    Slot::take(segment, memory, 1, Role::Producer, label, count).unwrap().unwrap()
}

#[test]
fn an_owner_that_closes_between_the_look_at_its_word_and_at_its_lock_has_not_died() {
    let place = Place::new();
    let segment = Segment::create("x", &place.small()).unwrap();
    let view = view(&segment);
    let (memory, word) = (&view.memory, segment.layout().slot(1) + slot::STATE);
    let closing = |slot: Slot| Hooked::new(memory, word, 1, move || slot.release(memory));

    let hooked = closing(take(&segment, memory, "", 0));
    assert_eq!(liveness(&segment, &hooked, 1).unwrap(), SlotState::Free);
    let hooked = closing(take(&segment, memory, "", 0));
    assert_eq!(recover(&segment, &hooked).unwrap(), 0);
    let hooked = closing(take(&segment, memory, "", 0));
    assert!(owners(&segment, &hooked).unwrap().is_empty());
}

#[test]
fn a_slot_taken_anew_just_before_its_dead_owner_is_recovered_stays_with_the_new_one() {
    let place = Place::new();
    let segment = Segment::create("x", &place.small()).unwrap();
    let view = view(&segment);
    let (memory, word) = (&view.memory, segment.layout().slot(1) + slot::STATE);
    drop(take(&segment, memory, "dead", 0));
    let new = RefCell::new(None);
    let hooked = Hooked::new(memory, word, 2, || *new.borrow_mut() = Some(take(&segment, memory, "new", 0)));
    assert_eq!(recover(&segment, &hooked).unwrap(), 0);
    drop(hooked);
    assert_eq!(liveness(&segment, memory, 1).unwrap(), SlotState::Alive);
    new.into_inner().expect("it was taken in between").release(memory);
    assert_eq!(liveness(&segment, memory, 1).unwrap(), SlotState::Free);
}

#[test]
fn what_is_told_of_an_owner_is_all_of_the_same_owner() {
    let place = Place::new();
    let segment = Segment::create("x", &place.small()).unwrap();
    let view = view(&segment);
    let (memory, at) = (&view.memory, segment.layout().slot(1));
    for word in [slot::PID, slot::LABEL, slot::LABEL + 8, slot::LABEL_LENGTH, slot::BASE_COUNT] {
        let old = take(&segment, memory, &"old".repeat(9), 1);
        let new = RefCell::new(None);
        let hooked = Hooked::new(memory, at + word, 1, || {
            old.release(memory);
            *new.borrow_mut() = Some(take(&segment, memory, &"new".repeat(7), 2));
        });
        let owner = owners(&segment, &hooked).unwrap().remove(0);
        drop(hooked);
        let new = new.into_inner().expect("it was taken in between");
        assert_eq!((owner.label, owner.base_count, owner.state), ("new".repeat(7), 2, new.state()));
        new.release(memory);
    }
}

#[test]
fn what_a_killed_owners_ledger_says_of_a_publication_that_never_came_is_not_counted_for_it() {
    let place = Place::new();
    let ring = Ring::attach(Segment::create("x", &place.small()).unwrap()).unwrap();
    let mut producer = Producer::attach(ring.segment(), "").unwrap();
    // SAFETY: a constant.
    assert!(unsafe { producer.ring().try_write(Payload::of(b"one")) }.unwrap());
    let mut consumer = Consumer::attach(ring.segment(), "", EndWhen::Sealed).unwrap();
    let mut ranges = [0; 2];
    assert_eq!(consumer.peek(&mut ranges, 1, true).unwrap().count, 1);
    consumer.ring().release(&ranges, 1).unwrap();
    let view = view(ring.segment());
    for slot in [0, 1] {
        // The entry of the ring's start is the next to be written.
        let entries = [slot::LEDGER, slot::LEDGER + slot::LEDGER_ENTRY_BYTES];
        let mut entries = entries.into_iter().map(|at| ring.layout().slot(slot) + at);
        let entry = entries.find(|at| view.memory.load64(*at, Ordering::Relaxed) == 0).unwrap();
        view.memory.store64(entry, 1 << 10, Ordering::Relaxed);
        view.memory.store64(entry + 8, 9, Ordering::Relaxed);
    }
    let written: Vec<_> = ring.owners().unwrap().iter().map(|(_, work)| work.written).collect();
    assert_eq!(written, [1, 1]);
}
