//! Whatever is written anywhere in the file of a ring, before others open it or while they use it:
//! they answer with what they find or with an error. None is ended by a signal, panics or hangs.
//! They run in a child process, whose end tells.

mod segment_support;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use segment_support::{Child, Place, listen, role, say};
use shmring::attached::{Consumer, EndWhen, Pace, Producer, Ring};
use shmring::error::{Code, Result};
use shmring::layout::{Kind, Layout, control, slot};
use shmring::owners::{Role, Slot};
use shmring::record::Header;
use shmring::ring::spsc::Payload;
use shmring::segment::{Access, OpenOptions, Segment, list};

const NAME: &str = "x";
/// Of the file of a ring of 4096 bytes: header, control words and slots, data.
const SIZE: u64 = 12_288;
const WORDS: u64 = 4_096;
const DATA: u64 = 8_192;
/// A child that hangs is ended by SIGALRM.
const PATIENCE_SECONDS: u32 = 120;

/// Numbers that follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// The seed of `SHMRING_TEST_SEED`, or a new one, printed in either case.
fn seed(test: &str) -> u64 {
    let given = std::env::var("SHMRING_TEST_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = given.unwrap_or_else(now);
    println!("{test}: seed {seed} (repeat with SHMRING_TEST_SEED={seed})");
    seed
}

/// Where something stands that much hangs on.
fn telling_words() -> Vec<u64> {
    let layout = Layout::new(Kind::Spsc, 4096).unwrap();
    let entry = slot::LEDGER + slot::LEDGER_ENTRY_BYTES;
    let of_slot = [slot::STATE, slot::PID, slot::SLEEP, slot::LEDGER, slot::LEDGER + 8, entry, entry + 8];
    let of_owner = [slot::WRITING, slot::ABORTED, slot::CLAIM_BYTES];
    let slots = [layout.slot(0), layout.slot(1)];
    let in_slots = slots.iter().flat_map(|at| of_slot.iter().chain(&of_owner).map(move |offset| at + offset));
    let in_control = [control::TAIL, control::HEAD, control::SEALED].map(|offset| layout.control + offset);
    in_slots.chain(in_control).map(|at| at as u64).collect()
}

/// One piece of damage: a bit, a byte, a word that is nearly right or an extreme, a range, or the header
/// of a record that could stand where the consumer is, its check included.
fn damage(file: &File, dice: &mut Dice) {
    let telling = telling_words();
    let at = match dice.below(8) {
        0 => dice.below(WORDS),
        1 | 2 => WORDS + dice.below(2048),
        3..6 => telling[dice.below(telling.len() as u64) as usize] + dice.below(8),
        _ => dice.below(SIZE),
    };
    let word = |at: u64| {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, at & !7).unwrap();
        u64::from_ne_bytes(bytes)
    };
    let found = word(at);
    let put = |word: u64| file.write_all_at(&word.to_ne_bytes(), at & !7);
    match dice.below(9) {
        0 | 1 => put(found ^ 1 << dice.below(64)),
        2 => file.write_all_at(&[dice.next() as u8], at),
        3 => put(found.wrapping_add(8 * dice.below(1024)).wrapping_sub(4096)),
        4 => {
            let extremes = [0, 1, 7, 8, 1 << 31, (1 << 32) - 1, 1 << 53, 1 << 62, u64::MAX - 7, u64::MAX];
            put(extremes[dice.below(extremes.len() as u64) as usize])
        }
        5 => put(dice.next()),
        6 => put(found.wrapping_add(dice.below(8))),
        7 => {
            let head = word(WORDS + control::HEAD as u64);
            let length = match dice.below(4) {
                0 => dice.next() >> 33,
                1 => (4096 - (head & 4095)).saturating_sub(8),
                _ => dice.below(5000),
            } as usize;
            let header = if dice.below(2) == 0 { Header::Record(length) } else { Header::Padding(length) };
            file.write_all_at(&header.encode(head).to_ne_bytes(), DATA + (head & 4088))
        }
        _ => {
            let length = dice.below(300).min(SIZE - at) as usize;
            let byte = if dice.below(2) == 0 { 0 } else { dice.next() as u8 };
            file.write_all_at(&vec![byte; length], at)
        }
    }
    .unwrap();
}

/// How often each answer came.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    fn count<T>(&mut self, what: &'static str, result: Result<T>) -> Option<T> {
        let (word, value) = match result {
            Ok(value) => (what, Some(value)),
            Err(error) => (error.code.name(), None),
        };
        *self.0.entry(word).or_default() += 1;
        value
    }

    fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    fn add(&mut self, other: Tally) {
        for (what, count) in other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }
}

fn open(tally: &mut Tally) -> Option<Arc<Segment>> {
    tally.count("opened", Segment::open(NAME, &OpenOptions::default())).map(Arc::new)
}

/// Writes in every way until it is refused, at most `most` times.
fn write(tally: &mut Tally, segment: &Arc<Segment>, most: u64) {
    let Some(mut producer) = tally.count("producer", Producer::attach(segment, "writer")) else { return };
    for number in 0..most {
        let payload = vec![number as u8; (number * 37 % 600) as usize];
        // SAFETY: the payload outlives the call.
        let written = unsafe { producer.ring().try_write(Payload::of(&payload)) };
        let done = match tally.count("written", written) {
            Some(true) => Some(()),
            Some(false) => {
                let millisecond = Duration::from_millis(1);
                tally
                    .count("waited", producer.wait_for_room(payload.len(), millisecond, Duration::ZERO))
                    .map(drop)
            }
            None => None,
        };
        tally.count("asked", producer.consumer_alive());
        if done.is_none() {
            break;
        }
        if number % 4 == 0
            && let Some(Some(at)) = tally.count("claimed", producer.try_claim(payload.len()))
        {
            assert!(at + payload.len() <= DATA as usize);
            // SAFETY: the claimed range of the data area, which this process may write.
            unsafe { producer.mapping().base().add(DATA as usize + at).write_bytes(7, payload.len()) };
            tally.count("committed", producer.ring().commit(None));
        }
    }
    producer.close();
}

/// Reads in every way until it is refused or at the end, at most `most` times.
fn read(tally: &mut Tally, segment: &Arc<Segment>, most: u64) {
    let end_when = if most.is_multiple_of(2) { EndWhen::Sealed } else { EndWhen::NoProducers };
    let Some(mut consumer) = tally.count("consumer", Consumer::attach(segment, "reader", end_when)) else {
        return;
    };
    let mut ranges = [0; 64];
    let millisecond = Duration::from_millis(1);
    let pace = Pace { limit: millisecond, busy: Duration::ZERO, lag: Duration::from_micros(10) };
    for _ in 0..most {
        let Some(peeked) = tally.count("read", consumer.wait_and_peek(&mut ranges, 32, pace)) else { break };
        for range in ranges[..2 * peeked.count].chunks(2) {
            let (start, end) = (range[0] as usize, range[1] as usize);
            assert!(start <= end && end <= 4096, "{start}..{end}");
            let mut copy = vec![0; end - start];
            let at = consumer.mapping().base().wrapping_add(DATA as usize + start);
            // SAFETY: within the data area; whoever writes there changes bytes of no meaning.
            unsafe { std::ptr::copy(at, copy.as_mut_ptr(), copy.len()) };
        }
        *tally.0.entry("records").or_default() += peeked.count as u64;
        if tally.count("released", consumer.ring().release(&ranges, peeked.count)).is_none()
            || tally.count("end", consumer.end()).flatten().is_some()
        {
            break;
        }
    }
    consumer.close();
}

/// Asks everything that can be asked.
fn inspect(tally: &mut Tally) {
    let options = OpenOptions { access: Access::Inspect, ..Default::default() };
    for options in [options, OpenOptions::default()] {
        let segment = tally.count("opened", Segment::open(NAME, &options));
        let Some(ring) = segment.and_then(|segment| tally.count("ring", Ring::attach(segment))) else {
            continue;
        };
        if let Some(stats) = tally.count("stats", ring.stats()) {
            assert!(stats.bytes_waiting <= 4096);
        }
        tally.count("owners", ring.owners());
        if let Some(mut inspector) = tally.count("inspect", ring.inspect()) {
            let mut seen = 0;
            while let Some(inspected) = ring.inspect_next(&mut inspector) {
                seen += 1;
                assert!(inspected.byte_length <= 4096 && seen <= 4096 / 8, "{inspected:?}");
            }
        }
        tally.count("alive", ring.is_consumer_alive());
        let recovered = ring.recover();
        let refused = recovered.as_ref().is_err_and(|error| error.code == Code::Permission);
        if options.access == Access::Inspect {
            assert!(refused);
        } else {
            tally.count("recovered", recovered);
        }
    }
    tally.count("list", list(None));
}

/// The child, in one of two roles.
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    // SAFETY: has no memory to touch.
    unsafe { libc::alarm(PATIENCE_SECONDS) };
    match role.split_once(' ') {
        Some(("before", numbers)) => {
            let numbers: Vec<u64> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
            damaged_before(numbers[0], numbers[1]);
        }
        _ => damaged_meanwhile(),
    }
}

/// `count` rings, each damaged in its own way and then used.
fn damaged_before(seed: u64, count: u64) {
    let path = PathBuf::from(std::env::var("SHMRING_DIR").unwrap()).join(format!("shmring.{NAME}"));
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut whole = vec![0; SIZE as usize];
    file.read_exact_at(&mut whole, 0).unwrap();
    let mut tally = Tally::default();
    for case in seed..seed + count {
        // What is said last names the case that ended the process.
        say(format!("case {case}"));
        file.write_all_at(&whole, 0).unwrap();
        let mut dice = Dice(case);
        (0..1 + dice.below(4)).for_each(|_| damage(&file, &mut dice));
        inspect(&mut tally);
        for _ in 0..2 {
            if let Some(segment) = open(&mut tally) {
                write(&mut tally, &segment, 4);
                read(&mut tally, &segment, 6 + case % 2);
            }
        }
        inspect(&mut tally);
    }
    report(&tally);
}

/// A writer, a reader and one who looks, until they are told that nothing is damaged any more and a
/// record has been read: on a busy machine that may not have come about before.
fn damaged_meanwhile() {
    let (stop, any_read) = (AtomicBool::new(false), AtomicBool::new(false));
    let user = |work: &dyn Fn(&mut Tally)| {
        let mut tally = Tally::default();
        while !stop.load(Ordering::Relaxed) {
            work(&mut tally);
            // The other processes are to get on too.
            std::thread::sleep(Duration::from_micros(100));
        }
        tally
    };
    let (mut tally, turns) = (Tally::default(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let users = [
            scope.spawn(|| user(&|tally| open(tally).iter().for_each(|segment| write(tally, segment, 60)))),
            scope.spawn(|| {
                user(&|tally| {
                    let most = 60 + turns.fetch_add(1, Ordering::Relaxed) % 2;
                    open(tally).iter().for_each(|segment| read(tally, segment, most));
                    any_read.store(tally.of("records") > 0, Ordering::Relaxed);
                })
            }),
            scope.spawn(|| user(&inspect)),
        ];
        say("ready");
        listen();
        while !any_read.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        stop.store(true, Ordering::Relaxed);
        users.into_iter().for_each(|user| tally.add(user.join().unwrap()));
    });
    report(&tally);
}

fn report(tally: &Tally) {
    let counts: Vec<_> = tally.0.iter().map(|(what, count)| format!("{what}={count}")).collect();
    say(format!("done {}", counts.join(" ")));
}

/// What a child reports in the end, when it ends well.
fn end_of(mut child: Child) -> Tally {
    let mut last = String::from("nothing");
    let counts = loop {
        let said = child.try_hear().unwrap_or_else(|| panic!("it ended after {last:?}"));
        if let Some(counts) = said.strip_prefix("done ") {
            break counts.to_owned();
        }
        last = said;
    };
    child.end();
    println!("{counts}");
    let pairs = counts.split(' ').filter_map(|pair| pair.split_once('='));
    Tally(pairs.map(|(what, count)| (&*what.to_owned().leak(), count.parse().unwrap())).collect())
}

fn assert_met(tally: &Tally, whats: &[&str]) {
    for what in whats {
        assert!(tally.of(what) > 0, "{what} was never met");
    }
}

#[test]
fn a_ring_damaged_anywhere_before_it_is_opened_answers_every_call() {
    const CASES: u64 = 2500;
    let seed = seed("damaged before") >> 1;
    let place = Place::new();
    // Used and full of records of all sizes, more than a lap on.
    let segment = Arc::new(Segment::create(NAME, &place.small()).unwrap());
    let mut tally = Tally::default();
    for _ in 0..3 {
        write(&mut tally, &segment, 9);
        read(&mut tally, &segment, 4);
    }
    write(&mut tally, &segment, 9);
    // Both its owners have died, so there is something to tell of them.
    let view = segment_support::view(&segment);
    for index in 0..2 {
        let slot = Slot::take(&segment, &view.memory, index, Role::of(index), "a label", 0).unwrap();
        drop(slot.expect("it is free"));
    }
    drop(segment);
    let tally = end_of(Child::start(&format!("before {seed} {CASES}"), &place.0));
    assert_met(&tally, &["opened", "records", "written", "CORRUPT", "SEALED"]);
}

#[test]
fn bytes_changed_at_any_time_under_those_who_use_the_ring_crash_and_hang_nobody() {
    const ROUNDS: u64 = 150;
    let mut dice = Dice(seed("damaged meanwhile"));
    let place = Place::new();
    drop(Segment::create(NAME, &place.small()).unwrap());
    let mut users = Child::start("meanwhile", &place.0);
    assert_eq!(users.hear(), "ready");
    for _ in 0..ROUNDS {
        let file = File::options().read(true).write(true).open(place.file(NAME)).unwrap();
        pass(Duration::from_micros(dice.below(3000)));
        for _ in 0..1 + dice.below(60) {
            damage(&file, &mut dice);
            pass(Duration::from_micros(dice.below(50)));
        }
        // A whole ring for the next round, under the same name.
        std::fs::remove_file(place.file(NAME)).unwrap();
        drop(Segment::create(NAME, &place.small()).unwrap());
    }
    users.tell();
    let tally = end_of(users);
    assert_met(&tally, &["producer", "consumer", "written", "records", "stats", "CORRUPT", "NOT_FOUND"]);
}

fn pass(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::thread::yield_now();
    }
}
