//! Every interleaving of a few processes on a ring of a few granules, with every crash: the real code,
//! stopped before each operation on shared memory. The memory is sequentially consistent here; what
//! weaker machines add is loom's matter (loom_mpsc.rs).
//!
//! Whoever is mortal may be killed at any of its stops; how many in one run is said last. Each test
//! ends as support::crew::check asks: nothing acknowledged lost, nothing torn, repeated or out of order,
//! nobody healthy told of an error, the counters exact, and the whole ring in use again.

mod support;

use support::crew::{Deed, Log, Start, after, check, consumer, immortal, producer, recoverer};
use support::heap::HeapMemory;
use support::search::{Process, Scenario, every_run, random_runs, seed};
use support::small::{granules, layout};

use Deed::{Abort, Batch, Claim, Write};

const ONE: usize = granules(1);
const TWO: usize = granules(2);

fn scenario(start: &Start, processes: Vec<Process<Log>>, crashes: usize) -> Scenario<'_, Log> {
    let slots: Vec<_> = processes.iter().map(|process| process.slot).collect();
    let check = move |memory: &HeapMemory, log: &Log, fates: &[_]| check(start, memory, log, fates, &slots);
    Scenario { start: &start.memory, processes, crashes, check: Box::new(check) }
}

/// Searches a ring of four granules through which `passed` went before, with `left` records in it.
fn search<const N: usize>(passed: usize, left: usize, processes: [Process<Log>; N], crashes: usize) {
    let start = Start::new(layout(4, 4), passed, left);
    let seen = every_run(&scenario(&start, processes.into(), crashes));
    println!("{} states, {} different ends", seen.states, seen.ends);
    assert!(seen.ends > 100, "the processes hardly met");
}

#[test]
fn two_writers_and_a_consumer() {
    let other = immortal(producer(1, 2, [Write(TWO)]));
    search(5, 0, [producer(0, 1, [Write(ONE)]), other, immortal(consumer(2, 8))], 1);
}

#[test]
fn two_writers_that_both_need_padding() {
    let other = immortal(producer(1, 2, [Write(TWO)]));
    search(7, 0, [producer(0, 1, [Write(TWO)]), other], 1);
}

#[test]
fn a_writer_that_needs_padding_beside_a_consumer() {
    search(7, 0, [producer(0, 1, [Write(TWO), Write(ONE)]), consumer(3, 8)], 2);
}

#[test]
fn two_writers_at_a_full_ring_one_of_which_recovers_the_other() {
    let other = immortal(producer(1, 2, [Write(TWO)]));
    search(5, 3, [producer(0, 1, [Write(ONE)]), other, immortal(consumer(1, 2))], 1);
}

#[test]
fn a_batch_beside_a_record() {
    let other = immortal(producer(1, 2, [Write(ONE)]));
    search(6, 0, [producer(0, 1, [Batch(&[ONE, 20])]), other, immortal(consumer(2, 8))], 1);
}

#[test]
fn a_claim_committed_short_beside_one_given_back() {
    let other = immortal(producer(1, 2, [Abort(ONE)]));
    search(6, 0, [producer(0, 1, [Claim(TWO, 20)]), other, immortal(consumer(1, 8))], 1);
}

#[test]
fn a_claim_given_back_beside_one_committed_short() {
    let other = immortal(producer(1, 2, [Claim(TWO, 20)]));
    search(4, 0, [producer(0, 1, [Abort(ONE)]), other, immortal(consumer(1, 8))], 1);
}

#[test]
fn a_writer_and_its_successor_while_the_consumer_reads() {
    let second = after(0, producer(1, 1, [Write(ONE)]));
    search(7, 0, [producer(0, 1, [Write(TWO)]), second, immortal(consumer(1, 8))], 2);
}

#[test]
fn a_writer_and_its_successor_while_somebody_recovers() {
    let second = after(0, producer(1, 1, [Write(TWO)]));
    search(4, 0, [producer(0, 1, [Write(ONE)]), second, immortal(recoverer())], 2);
}

#[test]
fn writers_that_are_all_killed_while_somebody_recovers() {
    let processes = [producer(0, 1, [Write(TWO)]), producer(1, 2, [Write(ONE)]), immortal(recoverer())];
    search(6, 0, processes, 2);
}

#[test]
fn recoverers_that_are_killed_while_others_recover() {
    search(5, 1, [producer(0, 1, [Write(ONE)]), recoverer(), immortal(recoverer())], 2);
}

#[test]
fn a_recoverer_beside_a_consumer() {
    search(6, 0, [producer(0, 1, [Batch(&[20, 20])]), recoverer(), immortal(consumer(2, 8))], 1);
}

#[test]
fn consumers_that_are_killed_and_followed() {
    let processes = [producer(0, 1, [Write(ONE), Write(ONE)]), consumer(2, 2), after(1, consumer(1, 2))];
    search(5, 3, processes, 2);
}

#[test]
fn consumers_that_are_killed_at_a_hole() {
    search(7, 0, [producer(0, 1, [Write(TWO)]), consumer(2, 2), after(1, consumer(2, 2))], 2);
}

#[test]
fn many_of_every_kind_by_chance() {
    let processes = vec![
        producer(0, 1, [Write(ONE), Batch(&[ONE, 20, ONE]), Write(TWO)]),
        producer(1, 2, [Claim(TWO, 60), Abort(ONE), Write(TWO)]),
        producer(2, 3, [Write(granules(4)), Write(ONE), Batch(&[20, TWO])]),
        consumer(6, 3),
        after(3, consumer(6, 3)),
        after(0, producer(5, 1, [Write(TWO), Write(ONE)])),
        after(1, producer(6, 2, [Batch(&[ONE, ONE])])),
        after(5, producer(7, 1, [Write(ONE)])),
        recoverer(),
    ];
    let seed = seed();
    for (granules, passed) in [(16, 29), (8, 14)] {
        let start = Start::new(layout(granules, 5), passed, 2);
        let processes = processes.iter().map(Process::again).collect();
        random_runs(&scenario(&start, processes, 4), seed, 6_000);
    }
}
