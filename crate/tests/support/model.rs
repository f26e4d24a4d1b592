//! Running scenarios in loom, and the two questions that are put to them: does every execution pass,
//! and does loom find the one that must fail.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// Steps of one execution. A thread that spins for ever gets here, which loom reports.
const STEPS: usize = 2_000;

/// Runs `scenario` in every execution, and returns the different results: a test states which there
/// must be, so that a scenario which never meets its own case fails.
pub fn outcomes<T: Ord + Send + 'static>(scenario: impl Fn() -> T + Send + Sync + 'static) -> BTreeSet<T> {
    explore(None, scenario)
}

/// Like [`outcomes`], for scenarios with too many executions: only those in which threads that could
/// go on are interrupted no more than `preemptions` times.
pub fn outcomes_within<T: Ord + Send + 'static>(
    preemptions: usize,
    scenario: impl Fn() -> T + Send + Sync + 'static,
) -> BTreeSet<T> {
    explore(Some(preemptions), scenario)
}

fn explore<T: Ord + Send + 'static>(
    preemptions: Option<usize>,
    scenario: impl Fn() -> T + Send + Sync + 'static,
) -> BTreeSet<T> {
    let found = Arc::new(Mutex::new((0_u64, BTreeSet::new())));
    let all = found.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = STEPS;
    builder.check(move || {
        let outcome = scenario();
        let (executions, outcomes) = &mut *all.lock().unwrap();
        *executions += 1;
        outcomes.insert(outcome);
    });
    let (executions, outcomes) = std::mem::take(&mut *found.lock().unwrap());
    println!("{executions} executions, {} outcomes", outcomes.len());
    outcomes
}

/// Asserts that some execution of `scenario` fails, and how: one with no more than three interruptions,
/// so that a mutant which survives that long fails the test too.
#[track_caller]
pub fn fails<T: Ord + Debug + Send + 'static>(how: &str, scenario: impl Fn() -> T + Send + Sync + 'static) {
    fails_within(3, how, scenario);
}

/// Like [`fails`], where it takes more interruptions.
#[track_caller]
pub fn fails_within<T: Ord + Debug + Send + 'static>(
    preemptions: usize,
    how: &str,
    scenario: impl Fn() -> T + Send + Sync + 'static,
) {
    match catch_unwind(AssertUnwindSafe(|| outcomes_within(preemptions, scenario))) {
        Ok(found) => panic!("every execution passed, with {found:?}; some should fail with {how:?}"),
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("something that is no text");
            assert!(message.contains(how), "it should fail with {how:?} and failed with {message:?}");
        }
    }
}

/// Two parties touched the same bytes, and nothing ordered one before the other.
pub const RACE: &str = "Causality violation";
/// Somebody sleeps, and nobody is left who could wake it.
pub const STRANDED: &str = "deadlock";
