//! Searches through the interleavings and crashes of a few processes: all of them, or random ones.
//!
//! What a process knows follows from what it has read, so the digests of the memory and of all that
//! each has read name a state. A state that was met before is not entered again. There are no
//! snapshots: to get back to a state, the run is repeated from the start with the same choices.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use super::heap::HeapMemory;
use super::stepped::{Stack, Stepped, World, mix};

/// More steps than any run takes.
const MOST_STEPS: usize = 3_000;

pub type Program<L> = dyn Fn(Stepped, &RefCell<L>);
pub type Check<'a, L> = dyn Fn(&HeapMemory, &L, &[Fate]) + 'a;

/// One process of a scenario.
pub struct Process<L> {
    /// The slot whose lock it holds as long as it lives.
    pub slot: Option<u32>,
    /// The process that has to be gone before this one can start.
    pub after: Option<usize>,
    pub mortal: bool,
    pub program: Rc<Program<L>>,
}

impl<L> Process<L> {
    /// The same for another scenario.
    pub fn again(&self) -> Self {
        Process { slot: self.slot, after: self.after, mortal: self.mortal, program: self.program.clone() }
    }
}

/// What is searched: `L` is what the processes write down, `check` looks at the end of each run.
pub struct Scenario<'a, L> {
    pub start: &'a HeapMemory,
    pub processes: Vec<Process<L>>,
    /// How many of them may be killed in one run.
    pub crashes: usize,
    pub check: Box<Check<'a, L>>,
}

/// What became of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Waiting,
    Running,
    Done,
    Killed {
        /// In the midst of a reservation.
        reserving: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Run(usize),
    Kill(usize),
}

/// How much a search has seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub states: usize,
    pub ends: usize,
}

thread_local! {
    static STACKS: RefCell<Vec<Stack>> = const { RefCell::new(Vec::new()) };
}

struct Run<'a, L> {
    scenario: &'a Scenario<'a, L>,
    world: Rc<World>,
    handles: Vec<Stepped>,
    stacks: Vec<Option<Stack>>,
    fates: Vec<Fate>,
    log: Rc<RefCell<L>>,
    crashes: usize,
    last: usize,
    trace: Vec<Choice>,
}

impl<'a, L: Default + 'static> Run<'a, L> {
    fn new(scenario: &'a Scenario<'a, L>) -> Self {
        let world = World::new(scenario.start.duplicate());
        let count = scenario.processes.len();
        Run {
            scenario,
            handles: (0..count).map(|_| Stepped::new(world.clone())).collect(),
            world,
            stacks: (0..count).map(|_| None).collect(),
            fates: vec![Fate::Waiting; count],
            log: Rc::default(),
            crashes: 0,
            last: 0,
            trace: Vec::new(),
        }
    }

    fn is_gone(&self, process: usize) -> bool {
        matches!(self.fates[process], Fate::Done | Fate::Killed { .. })
    }

    fn can_run(&self, process: usize) -> bool {
        match self.fates[process] {
            Fate::Running => true,
            Fate::Waiting => self.scenario.processes[process].after.is_none_or(|other| self.is_gone(other)),
            Fate::Done | Fate::Killed { .. } => false,
        }
    }

    /// What can happen next; first of all, that whoever ran last goes on.
    fn choices(&self) -> Vec<Choice> {
        let count = self.fates.len();
        let in_turn = (0..count).map(|index| (self.last + index) % count);
        let mut choices: Vec<_> = in_turn.filter(|&index| self.can_run(index)).map(Choice::Run).collect();
        if self.crashes < self.scenario.crashes {
            let mortal =
                |&index: &usize| self.scenario.processes[index].mortal && self.fates[index] == Fate::Running;
            choices.extend((0..count).filter(mortal).map(Choice::Kill));
        }
        choices
    }

    fn perform(&mut self, choice: Choice) {
        self.trace.push(choice);
        assert!(self.trace.len() < MOST_STEPS, "a run does not end");
        match choice {
            Choice::Run(process) => {
                self.last = process;
                if self.fates[process] == Fate::Waiting {
                    self.start(process);
                }
                if self.stacks[process].as_mut().expect("it has started").run() {
                    self.end(process, Fate::Done);
                }
            }
            Choice::Kill(process) => {
                self.crashes += 1;
                let reserving = self.handles[process].is_reserving();
                self.bury(process);
                self.end(process, Fate::Killed { reserving });
            }
        }
    }

    fn start(&mut self, process: usize) {
        let Process { slot, program, .. } = &self.scenario.processes[process];
        if let Some(slot) = *slot {
            let free = !std::mem::replace(&mut self.world.locks.borrow_mut()[slot as usize], true);
            assert!(free, "a slot has two owners");
        }
        self.fates[process] = Fate::Running;
        let mut stack = STACKS.with_borrow_mut(Vec::pop).unwrap_or_else(Stack::new);
        let (program, handle, log) = (program.clone(), self.handles[process].clone(), self.log.clone());
        stack.take_on(Box::new(move || program(handle, &log)));
        self.stacks[process] = Some(stack);
    }

    /// Lets the ghost of `process` run to its end, which nobody notices.
    fn bury(&mut self, process: usize) {
        self.handles[process].kill();
        let ended = self.stacks[process].as_mut().is_none_or(Stack::run);
        assert!(ended, "a ghost has stopped");
    }

    fn end(&mut self, process: usize, fate: Fate) {
        self.fates[process] = fate;
        if let Some(stack) = self.stacks[process].take() {
            STACKS.with_borrow_mut(|stacks| stacks.push(stack));
        }
        if let Some(slot) = self.scenario.processes[process].slot {
            self.world.locks.borrow_mut()[slot as usize] = false;
        }
    }

    fn digest(&self) -> (u64, u64) {
        let mut digest = mix(self.world.digest(), self.crashes as u64);
        let mut other = digest;
        for (handle, fate) in self.handles.iter().zip(&self.fates) {
            let fate = match fate {
                Fate::Waiting => 0,
                Fate::Running => 1,
                Fate::Done => 2,
                Fate::Killed { reserving: false } => 3,
                Fate::Killed { reserving: true } => 4,
            };
            digest = mix(mix(digest, handle.knowledge()), fate);
            other = mix(mix(other, fate), handle.knowledge().rotate_left(17));
        }
        (digest, other)
    }

    fn check(&self) {
        self.world.memory.count_operations_anew();
        (self.scenario.check)(&self.world.memory, &self.log.borrow(), &self.fates);
    }
}

impl<L> Drop for Run<'_, L> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("fates: {:?}\nsteps:", self.fates);
            for run in self.trace.chunk_by(|a, b| a == b) {
                eprintln!("  {:?} × {}", run[0], run.len());
            }
            return;
        }
        for (stack, handle) in self.stacks.iter_mut().zip(&self.handles) {
            if let Some(mut stack) = stack.take() {
                handle.kill();
                assert!(stack.run(), "a ghost has stopped");
                STACKS.with_borrow_mut(|stacks| stacks.push(stack));
            }
        }
    }
}

/// Every interleaving with every crash.
pub fn every_run<L: Default + 'static>(scenario: &Scenario<'_, L>) -> Seen {
    let mut seen = Seen::default();
    let mut known = HashSet::new();
    // What could have happened at each step of the run, and which of it did.
    let mut path: Vec<(Vec<Choice>, usize)> = Vec::new();
    loop {
        let mut run = Run::new(scenario);
        for (choices, taken) in &path {
            run.perform(choices[*taken]);
        }
        while known.insert(run.digest()) {
            run.world.memory.count_operations_anew();
            let choices = run.choices();
            let Some(&first) = choices.first() else {
                seen.ends += 1;
                run.check();
                break;
            };
            path.push((choices, 0));
            run.perform(first);
        }
        while let Some((choices, taken)) = path.last_mut() {
            *taken += 1;
            if *taken < choices.len() {
                break;
            }
            path.pop();
        }
        if path.is_empty() {
            seen.states = known.len();
            return seen;
        }
    }
}

/// `count` runs in which chance decides who goes on, whom it interrupts and who is killed.
pub fn random_runs<L: Default + 'static>(scenario: &Scenario<'_, L>, seed: u64, count: usize) -> Seen {
    let mut chance = Chance(mix(seed, 1));
    let mut seen = Seen::default();
    for _ in 0..count {
        let mut run = Run::new(scenario);
        // From runs with hardly an interruption to runs with one at every step.
        let (interrupted, killed) = (1 + chance.below(40), 1 + chance.below(60));
        loop {
            run.world.memory.count_operations_anew();
            let choices = run.choices();
            let (runs, kills): (Vec<Choice>, Vec<Choice>) =
                choices.into_iter().partition(|choice| matches!(choice, Choice::Run(_)));
            if runs.is_empty() {
                break;
            }
            seen.states += 1;
            let choice = if !kills.is_empty() && chance.below(killed * 4) == 0 {
                kills[chance.below(kills.len())]
            } else if chance.below(interrupted) == 0 {
                runs[chance.below(runs.len())]
            } else {
                runs[0]
            };
            run.perform(choice);
        }
        seen.ends += 1;
        run.check();
    }
    seen
}

/// SHMRING_TEST_SEED, or another at each run.
pub fn seed() -> u64 {
    let given = std::env::var("SHMRING_TEST_SEED").ok();
    let seed = given.map_or_else(|| RandomState::new().hash_one(0), |seed| seed.parse().expect("a number"));
    println!("SHMRING_TEST_SEED={seed}");
    seed
}

/// A small generator of pseudo-random numbers (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % limit as u64) as usize
    }
}
