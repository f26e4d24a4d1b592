//! A memory whose user is interrupted before each of its operations.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use shmring::mapped::MappedMemory;
use shmring::memory::Memory;

/// Calls `before` with the number of each operation, counted from 0. Copies count together.
#[derive(Clone)]
pub struct Watched<'a> {
    inner: MappedMemory,
    operations: Rc<Cell<usize>>,
    before: Rc<dyn Fn(usize) + 'a>,
}

impl<'a> Watched<'a> {
    pub fn new(inner: MappedMemory, before: impl Fn(usize) + 'a) -> Self {
        Watched { inner, operations: Rc::default(), before: Rc::new(before) }
    }

    /// How many operations there were.
    pub fn operations(&self) -> usize {
        self.operations.get()
    }

    fn next(&self) -> &MappedMemory {
        let number = self.operations.get();
        self.operations.set(number + 1);
        (self.before)(number);
        &self.inner
    }
}

// SAFETY: everything is done by the memory inside, which keeps the promises.
unsafe impl Memory for Watched<'_> {
    fn load32(&self, at: usize, order: Ordering) -> u32 {
        self.next().load32(at, order)
    }

    fn store32(&self, at: usize, value: u32, order: Ordering) {
        self.next().store32(at, value, order);
    }

    fn add32(&self, at: usize, value: u32, order: Ordering) -> u32 {
        self.next().add32(at, value, order)
    }

    fn load64(&self, at: usize, order: Ordering) -> u64 {
        self.next().load64(at, order)
    }

    fn store64(&self, at: usize, value: u64, order: Ordering) {
        self.next().store64(at, value, order);
    }

    fn compare_exchange64(
        &self,
        at: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.next().compare_exchange64(at, current, new, success, failure)
    }

    unsafe fn copy_in(&self, at: usize, source: *const u8, length: usize) {
        // SAFETY: the caller's contract.
        unsafe { self.next().copy_in(at, source, length) };
    }

    unsafe fn copy_out(&self, at: usize, target: *mut u8, length: usize) {
        // SAFETY: the caller's contract.
        unsafe { self.next().copy_out(at, target, length) };
    }

    fn fence(&self, order: Ordering) {
        self.next().fence(order);
    }

    fn wait32(&self, at: usize, expected: u32, limit: Duration) {
        self.next().wait32(at, expected, limit);
    }

    fn wake32(&self, at: usize) {
        self.next().wake32(at);
    }
}
