//! Whatever anybody writes into the words of an `mpsc` ring, at any time: every call answers, with what
//! it found or with an error that says what is wrong. None panics, none runs without end, none touches a
//! byte outside the ring, which the memory under the ring checks.

mod support;

use proptest::prelude::*;
use shmring::error::{Code, Error};
use shmring::layout::{CONSUMER_SLOT, Layout, control, slot};
use shmring::record::Header;
use shmring::ring::mpsc::{Consumer, Payload, Producer, State, Word, repair, written};
use support::change::Change;
use support::heap::HeapMemory;
use support::positions::{at_least, positions};
use support::small::{granules, layout};

const LAYOUT: Layout = layout(16, 4);
const PRODUCERS: [u32; 2] = [1, 2];
/// Nobody holds its lock.
const FREE: u32 = 3;

/// Where damage is done, besides to the chain and anywhere.
const WORDS: [(Option<u32>, usize); 14] = [
    (None, control::TAIL),
    (None, control::HEAD),
    (None, control::SEALED),
    (None, control::WAITERS),
    (None, control::WAITERS + 24),
    (Some(CONSUMER_SLOT), slot::SLEEP),
    (Some(CONSUMER_SLOT), slot::WANTED),
    (Some(CONSUMER_SLOT), slot::LEDGER),
    (Some(CONSUMER_SLOT), slot::LEDGER + 8),
    (Some(1), slot::SLEEP),
    (Some(1), slot::LEDGER),
    (Some(1), slot::LEDGER + slot::LEDGER_ENTRY_BYTES),
    (Some(1), slot::FLOOR),
    (Some(1), slot::VOID),
];

fn change() -> impl Strategy<Value = Change> {
    let extremes =
        [0, 1, 8, 64, 1 << 31, (1 << 32) - 64, 1 << 53, 1 << 62, (1 << 62) + 64, u64::MAX - 63, u64::MAX];
    prop_oneof![
        (0..64_u32).prop_map(Change::Flip),
        (-40_i64..40).prop_map(|granules| Change::Add(64 * granules)),
        (-16_i64..16).prop_map(Change::Add),
        prop::sample::select(extremes.to_vec()).prop_map(Change::To),
        any::<u64>().prop_map(Change::To),
    ]
}

/// Which granule's word: so many before or behind the head or the tail.
#[derive(Debug, Clone, Copy)]
enum Near {
    Head(i64),
    Tail(i64),
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    WriteBatch(Vec<usize>),
    Claim(usize),
    Commit(Option<usize>),
    Abort,
    Abandon,
    HasRoom(usize),
    SleepUntilRoom(usize),
    IsReleased,
    ReplaceProducer,
    Peek(usize, bool),
    Release(usize),
    HasRecord,
    Unblock,
    Position,
    Available,
    SleepUntilPublished,
    ReplaceConsumer,
    Repair,
    Written,
    DamageWord(prop::sample::Index, Change),
    DamageAny(prop::sample::Index, Change),
    /// A word of the chain becomes another: owner, granules and state as given, the lap so much more or
    /// less than the position's.
    DamageChain(Near, i64, u32, u64, State),
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..200_usize, 1 => 400..520_usize]
}

fn near() -> impl Strategy<Value = Near> {
    prop_oneof![(-2_i64..4).prop_map(Near::Head), (-4_i64..4).prop_map(Near::Tail)]
}

fn damage_to_the_chain() -> impl Strategy<Value = Step> {
    let states = [State::Reserved, State::Committed, State::Pad, State::Abandoned];
    let owner = prop::sample::select(&[0_u32, 1, 2, FREE, 4, 255][..]);
    let granules = prop_oneof![0..5_u64, Just(15), Just(16), Just(17), Just((1 << 14) - 1)];
    let lap = prop_oneof![4 => Just(0_i64), 1 => -2..3_i64];
    (near(), lap, owner, granules, prop::sample::select(states.to_vec()))
        .prop_map(|(near, lap, owner, granules, state)| Step::DamageChain(near, lap, owner, granules, state))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => length().prop_map(Step::Write),
        1 => prop::collection::vec(length(), 0..6).prop_map(Step::WriteBatch),
        2 => length().prop_map(Step::Claim),
        2 => prop::option::of(length()).prop_map(Step::Commit),
        1 => Just(Step::Abort),
        1 => Just(Step::Abandon),
        1 => length().prop_map(Step::HasRoom),
        1 => length().prop_map(Step::SleepUntilRoom),
        1 => Just(Step::IsReleased),
        1 => Just(Step::ReplaceProducer),
        6 => (0..12_usize, any::<bool>()).prop_map(|(limit, fresh)| Step::Peek(limit, fresh)),
        6 => (0..12_usize).prop_map(Step::Release),
        1 => Just(Step::HasRecord),
        2 => Just(Step::Unblock),
        1 => Just(Step::Position),
        1 => Just(Step::Available),
        1 => Just(Step::SleepUntilPublished),
        1 => Just(Step::ReplaceConsumer),
        1 => Just(Step::Repair),
        1 => Just(Step::Written),
        2 => (any::<prop::sample::Index>(), change()).prop_map(|(word, change)| Step::DamageWord(word, change)),
        1 => (any::<prop::sample::Index>(), change()).prop_map(|(word, change)| Step::DamageAny(word, change)),
        2 => damage_to_the_chain(),
    ]
}

struct Test {
    memory: HeapMemory,
    producers: Vec<Producer<HeapMemory>>,
    consumer: Consumer<HeapMemory>,
    /// Who has said that it is unusable; it says so from then on.
    poisoned: [bool; 3],
}

/// What a call may say: what it does without damage, or that there is damage.
fn answered<T>(result: Result<T, Error>, also: &[Code], poisoned: &mut bool) -> Option<T> {
    let was = *poisoned;
    match result {
        Ok(value) => {
            assert!(!was, "an end that was unusable has answered");
            Some(value)
        }
        Err(error) => {
            let damage = matches!(error.code, Code::Corrupt | Code::Fenced);
            assert!(damage || (!was && also.contains(&error.code)), "{error}");
            *poisoned |= damage;
            None
        }
    }
}

const BEGIN: &[Code] = &[Code::TooLarge, Code::ClaimOpen, Code::Sealed];

fn alive(slot: u32) -> Result<bool, Error> {
    assert!(slot < LAYOUT.slot_count, "there is no slot {slot}");
    Ok(slot != FREE)
}

impl Test {
    fn new(position: u64) -> Self {
        let memory = HeapMemory::new(LAYOUT, position);
        let attach = |slot| Producer::attach(memory.clone(), &LAYOUT, slot).unwrap();
        Test {
            producers: PRODUCERS.map(attach).into(),
            consumer: Consumer::attach(memory.clone(), &LAYOUT).unwrap(),
            poisoned: [false; 3],
            memory,
        }
    }

    fn produce(&mut self, index: usize, step: &Step) {
        let (producer, poisoned) = (&mut self.producers[index], &mut self.poisoned[index + 1]);
        match step {
            Step::Write(length) => {
                let payload = vec![1; *length];
                // SAFETY: the payload outlives the call.
                answered(unsafe { producer.try_write(Payload::of(&payload)) }, BEGIN, poisoned);
            }
            Step::WriteBatch(lengths) if !lengths.is_empty() => {
                let payloads: Vec<_> = lengths.iter().map(|&length| vec![2; length]).collect();
                let batch: Vec<_> = payloads.iter().map(|payload| Payload::of(payload)).collect();
                // SAFETY: the payloads outlive the call.
                let written = unsafe { producer.try_write_batch(&batch) };
                // It refuses what is too large before it looks at anything.
                if !matches!(&written, Err(error) if error.code == Code::TooLarge) {
                    answered(written, BEGIN, poisoned);
                }
            }
            Step::Claim(length) => {
                if let Some(Some(start)) = answered(producer.try_claim(*length, 0), BEGIN, poisoned) {
                    assert!(start + length <= LAYOUT.capacity);
                }
            }
            Step::Commit(length) => {
                answered(producer.commit(*length), &[Code::InvalidArgument], poisoned);
            }
            Step::Abort => {
                answered(producer.abort(), &[Code::InvalidArgument], poisoned);
            }
            Step::HasRoom(length) => {
                answered(producer.has_room(*length), BEGIN, poisoned);
            }
            Step::SleepUntilRoom(length) if *length <= LAYOUT.max_record() => {
                let announced = producer.announce_sleep(*length);
                producer.end_sleep(announced);
            }
            Step::IsReleased => {
                let end = producer.end();
                answered(producer.is_released(end), &[], poisoned);
            }
            Step::ReplaceProducer => match Producer::attach(self.memory.clone(), &LAYOUT, PRODUCERS[index]) {
                Ok(new) => (*producer, *poisoned) = (new, false),
                Err(error) => assert_eq!(error.code, Code::Corrupt),
            },
            _ => self.look(index, step),
        }
    }

    /// What asks without becoming unusable by the answer, or says nothing of it.
    fn look(&mut self, index: usize, step: &Step) {
        let producer = &mut self.producers[index];
        match step {
            Step::Abandon => {
                producer.abandon();
                // Where its reservation was damaged, it has become unusable and tells the next call.
                self.poisoned[index + 1] |= producer.is_poisoned();
            }
            Step::Repair => {
                if let Err(error) = repair(&self.memory, &LAYOUT, alive) {
                    assert_eq!(error.code, Code::Corrupt);
                }
            }
            Step::Written => {
                for index in 1..LAYOUT.slot_count {
                    written(&self.memory, &LAYOUT, index);
                }
            }
            _ => self.consume(step),
        }
    }

    fn consume(&mut self, step: &Step) {
        let (consumer, poisoned) = (&mut self.consumer, &mut self.poisoned[0]);
        match step {
            Step::Peek(limit, fresh) => {
                let mut ranges = [0; 24];
                if let Some(peeked) = answered(consumer.peek(&mut ranges, *limit, *fresh), &[], poisoned) {
                    for range in ranges[..2 * peeked.count].chunks(2) {
                        let (start, end) = (range[0] as usize, range[1] as usize);
                        assert!(start <= end && end <= LAYOUT.capacity, "{start}..{end} lies outside");
                    }
                }
            }
            Step::Release(count) => {
                answered(consumer.release(*count), &[Code::InvalidArgument], poisoned);
            }
            Step::HasRecord => {
                answered(consumer.has_record(), &[], poisoned);
            }
            Step::Unblock => {
                if let Some(Some(blocked)) = answered(consumer.blocked(), &[], poisoned) {
                    answered(consumer.unblock(blocked, alive), &[], poisoned);
                }
            }
            Step::Position => {
                answered(consumer.position(), &[], poisoned);
            }
            Step::Available => {
                if let Some(bytes) = answered(consumer.available(), &[], poisoned) {
                    assert!(bytes <= LAYOUT.capacity as u64);
                }
            }
            Step::SleepUntilPublished => {
                let blocked = answered(consumer.blocked(), &[], poisoned).flatten();
                let announced = consumer.announce_sleep(blocked);
                consumer.sleeper().0.leave(&self.memory, announced);
                let _ = (consumer.is_sealed(), consumer.writing(false));
            }
            Step::ReplaceConsumer => match Consumer::attach(self.memory.clone(), &LAYOUT) {
                Ok(new) => (*consumer, *poisoned) = (new, false),
                Err(error) => assert_eq!(error.code, Code::Corrupt),
            },
            _ => self.damage(step),
        }
    }

    fn damage(&mut self, step: &Step) {
        let word = |at| self.memory.get(LAYOUT.control + at);
        let (at, new) = match step {
            Step::DamageWord(index, change) => {
                let (slot, offset) = *index.get(&WORDS);
                let at = slot.map_or(LAYOUT.control, |slot| LAYOUT.slot(slot)) + offset;
                let at = at & !7;
                (at, change.of(self.memory.get(at)))
            }
            Step::DamageAny(index, change) => {
                let at = LAYOUT.control + 8 * index.index((LAYOUT.size - LAYOUT.control) / 8);
                (at, change.of(self.memory.get(at)))
            }
            Step::DamageChain(near, lap, owner, granules, state) => {
                let (from, by) = match near {
                    Near::Head(by) => (word(control::HEAD), by),
                    Near::Tail(by) => (word(control::TAIL), by),
                };
                let position = from.wrapping_add_signed(64 * by);
                let lap = (position / LAYOUT.capacity as u64 + 1).wrapping_add_signed(*lap);
                let at = LAYOUT.chain + position as usize % LAYOUT.capacity / 64 * 8;
                (at, Word::new(lap & ((1 << 40) - 1), *owner & 255, *granules, *state).0)
            }
            Step::WriteBatch(_) | Step::SleepUntilRoom(_) => return,
            _ => unreachable!("{step:?} damages nothing"),
        };
        self.memory.set(at, new);
    }
}

proptest! {
    #![proptest_config(at_least(4096))]

    #[test]
    fn every_call_answers_whatever_is_done_to_the_memory_under_it(
        position in positions(16384),
        steps in prop::collection::vec((0..PRODUCERS.len(), step()), 1..150),
    ) {
        let last = ((1 << 40) - 200) * LAYOUT.capacity as u64;
        let mut test = Test::new(position.min(last) / 64 * 64);
        for (producer, step) in &steps {
            test.memory.count_operations_anew();
            test.produce(*producer, step);
        }
    }
}

/// A ring with a record in it, whose next reservation will be at granule 3.
fn ring() -> Test {
    let mut test = Test::new(128);
    let payload = [7; granules(1)];
    // SAFETY: the payload outlives the call.
    assert!(unsafe { test.producers[0].try_write(Payload::of(&payload)).unwrap() });
    test
}

/// What the consumer says, and what a producer and whoever recovers say, when the word of the record is
/// `word`, or, if `at_tail`, that of the next reservation.
fn told(word: Word, at_tail: bool) -> [Result<(), Code>; 3] {
    let mut test = ring();
    let granule = if at_tail { 3 } else { 2 };
    test.memory.set(LAYOUT.chain + 8 * granule, word.0);
    let code = |error: Error| error.code;
    let recovered = repair(&test.memory.duplicate(), &LAYOUT, alive).map(|_| ()).map_err(code);
    let other = HeapMemory::duplicate(&test.memory);
    let written = Producer::attach(other, &LAYOUT, 2)
        .and_then(|mut producer| producer.has_room(20))
        .map(|_| ())
        .map_err(code);
    let read = if at_tail {
        let count = test.consumer.peek(&mut [0; 2], 1, true).unwrap().count;
        test.consumer.release(count).and_then(|()| test.consumer.has_record())
    } else {
        test.consumer.has_record()
    };
    [read.map(|_| ()).map_err(code), written, recovered]
}

#[test]
fn a_word_of_this_lap_that_cannot_be_true_is_damage_to_all_who_meet_it() {
    const DAMAGE: Result<(), Code> = Err(Code::Corrupt);
    for state in [State::Reserved, State::Committed, State::Pad, State::Abandoned] {
        for (owner, granules) in [(0, 1), (4, 1), (255, 1), (1, 0), (1, 15), (1, 16), (1, (1 << 14) - 1)] {
            let word = Word::new(1, owner, granules, state);
            // A producer that comes does not look at what lies before the tail.
            assert_eq!(told(word, false), [DAMAGE, Ok(()), DAMAGE], "{word:?}, {state:?}");
            assert_eq!(told(word, true), [DAMAGE; 3], "{word:?}, {state:?}, at the tail");
        }
    }
}

#[test]
fn a_word_of_another_lap_is_free_or_damage_by_whether_that_lap_has_been() {
    for state in [State::Reserved, State::Committed, State::Pad, State::Abandoned] {
        let (stale, coming) = (Word::new(0, 1, 1, state), Word::new(2, 1, 1, state));
        assert_eq!(told(stale, true), [Ok(()); 3], "stale, {state:?}");
        let [read, written, recovered] = told(coming, true);
        assert_eq!((read, written), (Err(Code::Corrupt), Err(Code::Corrupt)), "of the next lap, {state:?}");
        // Whoever walks takes it for a ring that went on meanwhile.
        assert_eq!(recovered, Ok(()));
    }
}

#[test]
fn a_reservation_of_a_free_slot_is_abandoned_and_one_below_the_floor_too() {
    for (owner, floor) in [(FREE, 0), (1, u64::MAX)] {
        let mut test = ring();
        test.memory.set(LAYOUT.chain + 8 * 2, Word::new(1, owner, 1, State::Reserved).0);
        test.memory.set(LAYOUT.slot(1) + slot::FLOOR, floor);
        let blocked = test.consumer.blocked().unwrap().unwrap();
        assert!(test.consumer.unblock(blocked, alive).unwrap());
        assert!(!test.consumer.has_record().unwrap());
    }
}

#[test]
fn a_reservation_beyond_a_living_owners_floor_is_left_alone() {
    let mut test = ring();
    test.memory.set(LAYOUT.chain + 8 * 2, Word::new(1, 1, 1, State::Reserved).0);
    let blocked = test.consumer.blocked().unwrap().unwrap();
    assert!(!test.consumer.unblock(blocked, alive).unwrap());
    assert_eq!(test.consumer.blocked().unwrap(), Some(blocked));
}

#[test]
fn a_record_that_is_no_record_of_its_position_or_longer_than_its_reservation_is_damage() {
    let record = |position, length| Header::Record(length).encode(position);
    let headers = [0, record(128, granules(1) + 1), record(128, 1 << 30), record(192, 20)];
    for header in headers.into_iter().chain([Header::Padding(20).encode(128)]) {
        let mut test = ring();
        test.memory.set(LAYOUT.data + 128, header);
        let code = test.consumer.peek(&mut [0; 2], 1, true).err().map(|error| error.code);
        assert_eq!(code, Some(Code::Corrupt), "{header:#x}");
        assert_eq!(test.memory.get(LAYOUT.control + control::HEAD), 128, "nothing was released");
    }
}

#[test]
fn a_damaged_count_of_what_was_written_is_no_reason_to_fail() {
    let mut test = ring();
    for entry in [slot::LEDGER, slot::LEDGER + slot::LEDGER_ENTRY_BYTES] {
        test.memory.set(LAYOUT.slot(1) + entry + 8, u64::MAX);
    }
    let mut successor = Producer::attach(test.memory.clone(), &LAYOUT, 1).unwrap();
    // SAFETY: the payload outlives the call.
    assert!(unsafe { successor.try_write(Payload::of(&[7; 20])).unwrap() });
    assert!(test.consumer.has_record().unwrap());
}
