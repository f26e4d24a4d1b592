//! Sleeps that the kernel ends early, late, or not at all: signals, wakes without news, limits of
//! every size, futexes refused, and sleepers that die.

mod sandbox;
mod segment_support;
mod skipping;

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sandbox::{Uses, refuse, watch};
use segment_support::{Child, Place, listen, role, say, view};
use shmring::attached::{Consumer, EndWhen, Producer};
use shmring::futex;
use shmring::layout::slot;
use shmring::memory::Memory;
use shmring::ring::spsc::Payload;
use shmring::segment::{OpenOptions, Segment, list};

const NAME: &str = "sleep";
const RECORD: [u8; 100] = [7; 100];
const PATIENCE: Duration = Duration::from_secs(60);

fn segment(place: &Place) -> Arc<Segment> {
    Arc::new(Segment::create(NAME, &place.small()).unwrap())
}

fn producer(segment: &Arc<Segment>) -> Producer {
    Producer::attach(segment, "").unwrap()
}

fn consumer(segment: &Arc<Segment>) -> Consumer {
    Consumer::attach(segment, "", EndWhen::Sealed).unwrap()
}

fn write(producer: &mut Producer) -> bool {
    // SAFETY: a constant.
    unsafe { producer.ring().try_write(Payload::of(&RECORD)) }.unwrap()
}

fn fill(producer: &mut Producer) {
    while write(producer) {}
}

fn read(consumer: &mut Consumer) -> bool {
    let mut ranges = [0; 2];
    let found = consumer.ring().peek(&mut ranges, 1, true).unwrap().count == 1;
    if found {
        consumer.ring().release(&ranges, 1).unwrap();
    }
    found
}

/// Waits as the package does: in slices, until there is something or the limit has passed.
fn wait(consumer: &mut Consumer, limit: Duration) -> bool {
    let begin = Instant::now();
    loop {
        let left = limit.saturating_sub(begin.elapsed());
        if consumer.wait(left, Duration::ZERO).unwrap() {
            return true;
        }
        if left.is_zero() {
            return false;
        }
    }
}

fn wait_for_room(producer: &mut Producer, limit: Duration) -> bool {
    let begin = Instant::now();
    loop {
        let left = limit.saturating_sub(begin.elapsed());
        if producer.wait_for_room(RECORD.len(), left, Duration::ZERO).unwrap() {
            return true;
        }
        if left.is_zero() {
            return false;
        }
    }
}

static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Runs `work` in a thread that gets a signal every 100 µs, and every system call of which may be
/// interrupted by it.
fn in_a_storm_of_signals<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    // SAFETY: a handler that touches one atomic; no SA_RESTART.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = count as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
    }
    let before = HANDLED.load(Ordering::Relaxed);
    let thread = AtomicU32::new(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let target = thread.load(Ordering::Acquire);
                if target != 0 {
                    // SAFETY: sends a signal to a thread of this process, or to none.
                    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), target, libc::SIGUSR1) };
                }
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        let worker = scope.spawn(|| {
            // SAFETY: has no arguments.
            thread.store(unsafe { libc::gettid() } as u32, Ordering::Release);
            // A busy machine may not let the other thread run for longer than the work takes.
            while HANDLED.load(Ordering::Relaxed) == before {
                std::thread::yield_now();
            }
            work()
        });
        let result = worker.join();
        done.store(true, Ordering::Release);
        result.unwrap()
    })
}

#[test]
fn a_storm_of_signals_neither_ends_a_wait_nor_makes_it_endless() {
    let place = Place::new();
    let segment = segment(&place);
    let (mut producer, mut consumer) = (producer(&segment), consumer(&segment));
    let limit = Duration::from_millis(250);
    in_a_storm_of_signals(|| {
        let begin = Instant::now();
        assert!(!wait(&mut consumer, limit), "nothing came");
        assert!(begin.elapsed() >= limit);
    });
    fill(&mut producer);
    in_a_storm_of_signals(|| {
        let begin = Instant::now();
        assert!(!wait_for_room(&mut producer, limit), "nothing was read");
        assert!(begin.elapsed() >= limit);
    });
    while read(&mut consumer) {}
}

#[test]
fn a_stream_passes_through_a_storm_of_signals_on_either_side() {
    const RECORDS: u32 = 400;
    let place = Place::new();
    let segment = segment(&place);
    let (mut producer, mut consumer) = (producer(&segment), consumer(&segment));
    let mut write_all = || {
        for _ in 0..RECORDS {
            while !write(&mut producer) {
                assert!(wait_for_room(&mut producer, PATIENCE));
            }
        }
    };
    let mut read_all = || {
        for _ in 0..RECORDS {
            assert!(wait(&mut consumer, PATIENCE));
            assert!(read(&mut consumer));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(&mut write_all);
        in_a_storm_of_signals(&mut read_all);
    });
    std::thread::scope(|scope| {
        scope.spawn(&mut read_all);
        in_a_storm_of_signals(&mut write_all);
    });
}

#[test]
fn everything_but_waits_too_is_done_in_a_storm_of_signals() {
    let place = Place::new();
    in_a_storm_of_signals(|| {
        for round in 0..40 {
            // Large enough for signals to come while it is allocated.
            let options = shmring::segment::CreateOptions { capacity: Some(16 << 20), ..place.small() };
            let segment = Arc::new(Segment::create(NAME, &options).unwrap());
            drop(place.open(NAME).unwrap());
            let (producer, consumer) = (producer(&segment), consumer(&segment));
            assert_eq!(list(Some(&place.0)).unwrap()[0].alive, 2, "round {round}");
            drop((producer, consumer));
            assert!(segment.unlink().unwrap());
        }
    });
}

/// On some kernels a signal that comes while a tmpfs allocates ends the call and undoes it: with a
/// signal every millisecond a large ring would be begun anew for ever.
#[test]
fn no_signal_is_handled_while_a_segment_is_allocated() {
    let place = Place::new();
    std::thread::scope(|scope| {
        let (give, take) = std::sync::mpsc::channel();
        let maker = scope.spawn(|| {
            let give = give;
            let watcher = watch(&[(libc::SYS_fallocate, Uses::All)]);
            let watched = watcher.is_ok();
            give.send(watcher).unwrap();
            watched.then(|| Segment::create(NAME, &place.small()).unwrap());
        });
        let watcher = match take.recv().unwrap() {
            Ok(watcher) => watcher,
            Err(error) => return skipping::skip("seccomp", format!("no call can be watched: {error}")),
        };
        let (id, thread) = watcher.next().unwrap();
        let status = std::fs::read_to_string(format!("/proc/self/task/{thread}/status")).unwrap();
        watcher.let_go(id).unwrap();
        maker.join().unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
        for signal in [libc::SIGTERM, libc::SIGALRM, libc::SIGPROF, libc::SIGUSR1] {
            assert_ne!(mask & 1 << (signal - 1), 0, "signal {signal}");
        }
    });
}

#[test]
fn wakes_without_news_end_no_wait_and_hide_no_record() {
    let place = Place::new();
    let segment = segment(&place);
    let (mut producer, mut consumer) = (producer(&segment), consumer(&segment));
    let epochs = [0, 1].map(|index| segment.layout().slot(index) + slot::EPOCH);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let foreign = view(&segment);
            while !done.load(Ordering::Relaxed) {
                for epoch in epochs {
                    // With a changed word and without.
                    foreign.memory.wake32(epoch);
                    foreign.memory.add32(epoch, 1, Ordering::Relaxed);
                    foreign.memory.wake32(epoch);
                }
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        assert!(!wait(&mut consumer, Duration::from_millis(200)));
        fill(&mut producer);
        assert!(!wait_for_room(&mut producer, Duration::from_millis(200)));
        assert!(wait(&mut consumer, PATIENCE));
        while read(&mut consumer) {}
        assert!(wait_for_room(&mut producer, PATIENCE));
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_sleep_of_any_length_ends_with_its_word_its_wake_or_its_limit() {
    let word = Arc::new(AtomicU32::new(5));
    // The word is not what was expected: back at once, whatever the limit.
    for limit in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1 << 40), Duration::MAX] {
        futex::wait(&word, 4, limit);
    }
    // The limit has passed.
    futex::wait(&word, 5, Duration::ZERO);
    futex::wait(&word, 5, Duration::from_nanos(1));
    // Woken.
    let sleeper = std::thread::spawn({
        let word = word.clone();
        move || {
            while word.load(Ordering::Acquire) == 5 {
                futex::wait(&word, 5, Duration::MAX);
            }
        }
    });
    std::thread::sleep(Duration::from_millis(20));
    word.store(6, Ordering::Release);
    futex::wake(&word);
    sleeper.join().unwrap();
}

#[test]
fn a_sleeper_whose_futex_is_refused_naps_and_burns_no_core() {
    if let Err(error) = std::thread::spawn(|| refuse(&[], libc::EPERM)).join().unwrap() {
        return skipping::skip("seccomp", format!("no filter can be installed: {error}"));
    }
    for errno in [libc::EPERM, libc::ENOSYS, libc::EINVAL] {
        let place = Place::new();
        let segment = segment(&place);
        let mut consumer = consumer(&segment);
        let doze = move || {
            let wait_only = (libc::SYS_futex, Uses::With(1, libc::FUTEX_WAIT as u32));
            refuse(&[wait_only], errno).unwrap();
            let limit = Duration::from_millis(400);
            let before = time_of(libc::CLOCK_THREAD_CPUTIME_ID);
            assert!(!wait(&mut consumer, limit));
            let burnt = time_of(libc::CLOCK_THREAD_CPUTIME_ID) - before;
            assert!(burnt < limit / 10, "{burnt:?} of processor time");
        };
        std::thread::spawn(doze).join().unwrap();
    }
}

fn time_of(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the struct, which is alive.
    assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The roles of child processes: one end of the ring, which does what it can and then waits.
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    let segment = Arc::new(Segment::open(NAME, &OpenOptions::default()).unwrap());
    match role.as_str() {
        "reads" => {
            let mut consumer = consumer(&segment);
            while read(&mut consumer) {}
            assert!(wait(&mut consumer, PATIENCE));
        }
        "writes" => {
            let mut producer = producer(&segment);
            fill(&mut producer);
            assert!(wait_for_room(&mut producer, PATIENCE));
        }
        other => panic!("no role {other}"),
    }
    say("woken");
    listen();
}

/// Stops a child in a sleep that `accept`s; the number of that sleep.
fn stop_asleep(child: &Child, sleep: impl Fn() -> u32, accept: impl Fn(u32) -> bool) -> u32 {
    let begin = Instant::now();
    loop {
        child.signal(libc::SIGSTOP);
        while !is_stopped(child.pid()) {
            std::thread::yield_now();
        }
        let number = sleep();
        if number % 2 == 1 && accept(number) {
            return number;
        }
        assert!(begin.elapsed() < PATIENCE, "it does not fall asleep");
        child.signal(libc::SIGCONT);
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.starts_with('T')
}

/// A child falls asleep, is rung for, and dies asleep.
fn one_dies_asleep(role: &str, index: u32, place: &Place, segment: &Segment, ring: impl FnOnce()) -> u32 {
    let view = view(segment);
    let sleep = || view.memory.load32(segment.layout().slot(index) + slot::SLEEP, Ordering::Acquire);
    let child = Child::start(role, &place.0);
    // Not its first, so that a successor who counts from the beginning uses another number.
    let died = stop_asleep(&child, sleep, |number| number > 4);
    ring();
    child.kill();
    assert_eq!(sleep(), died, "it died asleep");
    died
}

/// Where a slot's owner announces its sleep, and where it sleeps.
fn words(segment: &Segment, index: u32) -> (usize, usize) {
    let at = segment.layout().slot(index);
    (at + slot::SLEEP, at + slot::EPOCH)
}

#[test]
fn the_first_sleep_of_a_consumer_whose_predecessor_died_asleep_is_rung_for() {
    let place = Place::new();
    let segment = segment(&place);
    let mut producer = producer(&segment);
    let died = one_dies_asleep("reads", 0, &place, &segment, || assert!(write(&mut producer)));
    let (number, epoch) = words(&segment, 0);

    let mut successor = consumer(&segment);
    assert!(read(&mut successor), "what the dead one was rung for");
    let announced = successor.ring().announce_sleep(None);
    let view = view(&segment);
    assert!(view.memory.load32(number, Ordering::Relaxed) > died, "a number is used once");
    let before = view.memory.load32(epoch, Ordering::Acquire);
    assert!(write(&mut producer));
    assert_eq!(view.memory.load32(epoch, Ordering::Acquire), before.wrapping_add(1));
    let (sleeper, memory) = successor.ring().sleeper();
    // Returns at once, since it has been rung for.
    sleeper.sleep(memory, &announced, PATIENCE);
    sleeper.leave(memory, announced);
    assert!(read(&mut successor));
}

#[test]
fn the_first_sleep_of_a_producer_whose_predecessor_died_asleep_is_rung_for() {
    let place = Place::new();
    let segment = segment(&place);
    let mut consumer = consumer(&segment);
    let died = one_dies_asleep("writes", 1, &place, &segment, || assert!(read(&mut consumer)));
    let (number, epoch) = words(&segment, 1);

    let mut successor = producer(&segment);
    assert!(write(&mut successor), "the room that the dead one was rung for");
    fill(&mut successor);
    let announced = successor.ring().announce_sleep(RECORD.len());
    let view = view(&segment);
    assert!(view.memory.load32(number, Ordering::Relaxed) > died, "a number is used once");
    let before = view.memory.load32(epoch, Ordering::Acquire);
    while read(&mut consumer) {}
    assert_eq!(view.memory.load32(epoch, Ordering::Acquire), before.wrapping_add(1));
    let (sleeper, memory) = successor.ring().sleeper();
    sleeper.leave(memory, announced);
    assert!(write(&mut successor));
}
