//! Processes that run one operation at a time: each on a stack of its own, stopped before every
//! operation on shared memory that another could notice, and killed at any such stop.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use generator::{Generator, Gn};
use shmring::layout::{Layout, control, slot};
use shmring::memory::Memory;
use shmring::ring::mpsc::{State, Word};

use super::heap::HeapMemory;

/// Words, not bytes: what an error message takes on the way.
const STACK: usize = 0x4000;

/// What the processes of one run share.
pub struct World {
    pub memory: HeapMemory,
    /// Whether somebody holds the lock of each slot.
    pub locks: RefCell<Vec<bool>>,
    /// A digest of the shared memory.
    digest: Cell<u64>,
}

impl World {
    pub fn new(memory: HeapMemory) -> Rc<World> {
        let locks = RefCell::new(vec![false; memory.layout().slot_count as usize]);
        Rc::new(World { memory, locks, digest: Cell::new(0) })
    }

    pub fn digest(&self) -> u64 {
        self.digest.get()
    }

    fn change(&self, at: usize, old: u64, new: u64) {
        self.digest.set(self.digest.get() ^ mix(at as u64, old) ^ mix(at as u64, new));
    }
}

/// A digest of two numbers.
pub fn mix(seed: u64, value: u64) -> u64 {
    let mixed = (seed ^ value.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ mixed >> 32
}

/// What a process has been through.
#[derive(Default)]
struct Life {
    dead: Cell<bool>,
    /// A digest of everything that it has read: with its program, all that it knows.
    read: Cell<u64>,
    /// Whether it has reserved something and not settled it.
    reserving: Cell<bool>,
}

/// A process as it sees the memory. Copies are handles of the same process.
#[derive(Clone)]
pub struct Stepped {
    world: Rc<World>,
    life: Rc<Life>,
}

impl Stepped {
    pub fn new(world: Rc<World>) -> Self {
        Stepped { world, life: Rc::default() }
    }

    pub fn layout(&self) -> &Layout {
        self.world.memory.layout()
    }

    pub fn is_dead(&self) -> bool {
        self.life.dead.get()
    }

    /// From now on nothing that it does happens; see [`super::mortal::Mortal`].
    pub fn kill(&self) {
        self.life.dead.set(true);
    }

    pub fn is_reserving(&self) -> bool {
        self.life.reserving.get()
    }

    pub fn knowledge(&self) -> u64 {
        self.life.read.get()
    }

    /// Whether somebody holds the lock of slot `index`, as fcntl(F_OFD_GETLK) tells.
    pub fn is_locked(&self, index: u32) -> bool {
        self.stop();
        self.learn(u64::from(self.world.locks.borrow()[index as usize])) != 0
    }

    /// Lets the others go on.
    fn stop(&self) {
        if !self.is_dead() {
            self.learn(1);
            pause(false);
        }
    }

    fn stop_at(&self, at: usize) {
        if self.is_noticed(at) {
            self.stop();
        }
    }

    /// Whether it matters when the word at `at` is read or written. The others are looked at by
    /// nobody while their owner lives, or by nobody in a search in which nobody sleeps.
    fn is_noticed(&self, at: usize) -> bool {
        let layout = self.layout();
        if at >= layout.chain {
            return at < layout.data;
        }
        if at < layout.slots {
            return [control::TAIL, control::HEAD].contains(&(at - layout.control));
        }
        [slot::FLOOR, slot::VOID].contains(&((at - layout.slots) % slot::BYTES)) || self.is_stamp(at)
    }

    fn is_stamp(&self, at: usize) -> bool {
        const STAMPS: [usize; 2] = [slot::LEDGER, slot::LEDGER + slot::LEDGER_ENTRY_BYTES];
        let layout = self.layout();
        (layout.slots..layout.chain).contains(&at) && STAMPS.contains(&((at - layout.slots) % slot::BYTES))
    }

    fn learn(&self, value: u64) -> u64 {
        self.life.read.set(mix(self.life.read.get(), value));
        value
    }

    fn set(&self, at: usize, value: u64) {
        let old = self.world.memory.get(at);
        self.world.change(at, old, value);
        self.world.memory.store64(at, value, Ordering::Relaxed);
    }

    fn set_half(&self, at: usize, value: u32) {
        let word = at & !7;
        let old = self.world.memory.get(word);
        self.world.memory.store32(at, value, Ordering::Relaxed);
        self.world.change(word, old, self.world.memory.get(word));
    }

    /// Keeps track of whether a reservation of this process is open.
    fn note(&self, at: usize, old: Word, new: Word) {
        let layout = self.world.memory.layout();
        if !(layout.chain..layout.data).contains(&at) {
            return;
        }
        match new.state() {
            State::Reserved => self.life.reserving.set(true),
            State::Committed => self.life.reserving.set(false),
            // An abort, not padding.
            State::Pad if old.lap() == new.lap() => self.life.reserving.set(false),
            // Another's: nobody here abandons its own.
            State::Pad | State::Abandoned => {}
        }
    }
}

// SAFETY: what happens at all happens in the memory inside, which keeps the promises.
unsafe impl Memory for Stepped {
    fn load32(&self, at: usize, order: Ordering) -> u32 {
        if self.is_dead() {
            return 0;
        }
        self.learn(u64::from(self.world.memory.load32(at, order))) as u32
    }

    fn store32(&self, at: usize, value: u32, _order: Ordering) {
        if !self.is_dead() {
            self.set_half(at, value);
        }
    }

    fn add32(&self, at: usize, value: u32, _order: Ordering) -> u32 {
        if self.is_dead() {
            return 0;
        }
        let old = self.world.memory.load32(at, Ordering::Relaxed);
        self.set_half(at, old.wrapping_add(value));
        self.learn(u64::from(old)) as u32
    }

    fn load64(&self, at: usize, order: Ordering) -> u64 {
        // A ledger is read by its owner, and nobody else writes there.
        if !self.is_stamp(at) {
            self.stop_at(at);
        }
        if self.is_dead() {
            return 0;
        }
        self.learn(self.world.memory.load64(at, order))
    }

    fn store64(&self, at: usize, value: u64, _order: Ordering) {
        // An entry that is opened is what it was before to all who look.
        if value != 1 {
            self.stop_at(at);
        }
        if !self.is_dead() {
            self.set(at, value);
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
        self.stop_at(at);
        if self.is_dead() {
            return Ok(current);
        }
        let answer = self.world.memory.compare_exchange64(at, current, new, success, failure);
        if answer.is_ok() {
            self.world.change(at, current, new);
            self.note(at, Word(current), Word(new));
        }
        self.learn(answer.unwrap_or_else(|found| found));
        answer
    }

    unsafe fn copy_in(&self, at: usize, source: *const u8, length: usize) {
        self.stop();
        if self.is_dead() {
            return;
        }
        // The name at its start tells what a payload is.
        let old = self.world.memory.get(at);
        // SAFETY: the caller's contract.
        unsafe { self.world.memory.copy_in(at, source, length) };
        self.world.change(at, old, self.world.memory.get(at));
    }

    unsafe fn copy_out(&self, at: usize, target: *mut u8, length: usize) {
        self.stop();
        if !self.is_dead() {
            self.learn(self.world.memory.get(at));
            // SAFETY: the caller's contract.
            unsafe { self.world.memory.copy_out(at, target, length) };
        }
    }

    fn fence(&self, _order: Ordering) {}

    fn wait32(&self, _at: usize, _expected: u32, _limit: Duration) {}

    fn wake32(&self, _at: usize) {}
}

type Job = Box<dyn FnOnce()>;

thread_local! {
    /// What the stack that runs next begins.
    static NEXT: RefCell<Option<Job>> = const { RefCell::new(None) };
}

/// A stack that runs one job after another, each in pieces.
pub struct Stack {
    coroutine: Generator<'static, (), bool>,
    job: Option<Job>,
}

impl Stack {
    pub fn new() -> Self {
        let coroutine = Gn::<()>::new_opt(STACK, || {
            loop {
                let job = NEXT.take().expect("a job to run");
                job();
                pause(true);
            }
        });
        Stack { coroutine, job: None }
    }

    pub fn take_on(&mut self, job: Job) {
        self.job = Some(job);
    }

    /// Runs up to the next stop. True: the job is done.
    pub fn run(&mut self) -> bool {
        if let Some(job) = self.job.take() {
            NEXT.set(Some(job));
        }
        self.coroutine.resume().expect("a stack never ends")
    }
}

/// Stops what runs until its stack is run again, and says whether the job is done.
#[expect(deprecated, reason = "the scope of the newer call cannot be carried through a memory")]
fn pause(done: bool) {
    generator::yield_with(done);
}
