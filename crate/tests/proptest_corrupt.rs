//! Whatever anybody writes into the shared memory, at any time: every call answers, with what it
//! found or with an error that says what is wrong. None panics, none runs without end, none touches
//! a byte outside the ring, which the memory under the ring checks.

mod support;

use proptest::prelude::*;
use shmring::error::{Code, Error};
use shmring::layout::{CONSUMER_SLOT, Kind, Layout, control, slot};
use shmring::record::Header;
use shmring::ring::spsc::{PRODUCER_SLOT, Payload};
use support::change::Change;
use support::positions::{at_least, positions};
use support::records::read;
use support::spsc_real::Real;

/// Where damage is done, besides anywhere.
const WORDS: [(Option<u32>, usize); 14] = [
    (None, control::TAIL),
    (None, control::HEAD),
    (None, control::SEALED),
    (Some(CONSUMER_SLOT), slot::SLEEP),
    (Some(CONSUMER_SLOT), slot::LEDGER),
    (Some(CONSUMER_SLOT), slot::LEDGER + 8),
    (Some(CONSUMER_SLOT), slot::LEDGER + slot::LEDGER_ENTRY_BYTES + 8),
    (Some(PRODUCER_SLOT), slot::SLEEP),
    (Some(PRODUCER_SLOT), slot::WANTED),
    (Some(PRODUCER_SLOT), slot::LEDGER),
    (Some(PRODUCER_SLOT), slot::LEDGER + 8),
    (Some(PRODUCER_SLOT), slot::LEDGER + slot::LEDGER_ENTRY_BYTES + 8),
    (Some(PRODUCER_SLOT), slot::FULL),
    (Some(PRODUCER_SLOT), slot::ABORTED),
];

fn change() -> impl Strategy<Value = Change> {
    let extremes =
        [0, 1, 7, 8, 1 << 31, (1 << 32) - 1, 1 << 53, 1 << 62, (1 << 62) + 8, u64::MAX - 7, u64::MAX];
    prop_oneof![
        (0..64_u32).prop_map(Change::Flip),
        (-1200_i64..1200).prop_map(|units| Change::Add(8 * units)),
        (-16_i64..16).prop_map(Change::Add),
        prop::sample::select(extremes.to_vec()).prop_map(Change::To),
        any::<u64>().prop_map(Change::To),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    WriteBatch(Vec<usize>),
    Claim(usize),
    Commit(Option<usize>),
    Abort,
    HasRoom(usize),
    AnnounceSleep(usize),
    IsReleased,
    Peek(usize, bool),
    PeekKnown(usize),
    Release(usize),
    HasRecord,
    Position,
    Available,
    SleepUntilPublished,
    ReplaceProducer,
    ReplaceConsumer,
    /// One of [`WORDS`].
    DamageWord(prop::sample::Index, Change),
    /// Any word behind the header of the segment.
    DamageAny(prop::sample::Index, Change),
    /// The header of the record which the consumer looks at next becomes another that is valid there.
    ReplaceHeader(Header),
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..300_usize, 1 => 0..4200_usize]
}

fn header() -> impl Strategy<Value = Header> {
    let lengths = vec![0, 7, 8, 4080, 4088, 4089, 4096, 8192, 1 << 30, (1 << 31) - 1];
    let lengths = prop_oneof![prop::sample::select(lengths), length()];
    (lengths, any::<bool>()).prop_map(
        |(length, padding)| {
            if padding { Header::Padding(length) } else { Header::Record(length) }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => length().prop_map(Step::Write),
        1 => prop::collection::vec(length(), 0..8).prop_map(Step::WriteBatch),
        1 => length().prop_map(Step::Claim),
        1 => prop::option::of(length()).prop_map(Step::Commit),
        1 => Just(Step::Abort),
        1 => length().prop_map(Step::HasRoom),
        1 => length().prop_map(Step::AnnounceSleep),
        1 => Just(Step::IsReleased),
        6 => (0..12_usize, any::<bool>()).prop_map(|(limit, fresh)| Step::Peek(limit, fresh)),
        2 => (0..12_usize).prop_map(Step::PeekKnown),
        6 => (0..12_usize).prop_map(Step::Release),
        1 => Just(Step::HasRecord),
        1 => Just(Step::Position),
        1 => Just(Step::Available),
        1 => Just(Step::SleepUntilPublished),
        1 => Just(Step::ReplaceProducer),
        1 => Just(Step::ReplaceConsumer),
        2 => (any::<prop::sample::Index>(), change()).prop_map(|(word, change)| Step::DamageWord(word, change)),
        1 => (any::<prop::sample::Index>(), change()).prop_map(|(word, change)| Step::DamageAny(word, change)),
        1 => header().prop_map(Step::ReplaceHeader),
    ]
}

struct Test {
    real: Real,
    /// Whether an end has said that it is unusable; it says so from then on.
    producer_poisoned: bool,
    consumer_poisoned: bool,
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

impl Test {
    fn produce(&mut self, step: &Step) {
        let (producer, poisoned) = (&mut self.real.producer, &mut self.producer_poisoned);
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
                    assert!(start + length <= self.real.layout.capacity);
                }
            }
            Step::Commit(length) => {
                answered(producer.commit(*length), &[Code::InvalidArgument], poisoned);
            }
            Step::Abort => match producer.abort() {
                Ok(()) => {}
                Err(error) => assert_eq!(error.code, Code::InvalidArgument),
            },
            Step::HasRoom(length) => {
                answered(producer.has_room(*length), BEGIN, poisoned);
            }
            Step::AnnounceSleep(length) => {
                let announced = producer.announce_sleep(*length);
                let (sleeper, memory) = producer.sleeper();
                sleeper.sleep(memory, &announced, std::time::Duration::ZERO);
                sleeper.leave(memory, announced);
            }
            Step::IsReleased => {
                let tail = producer.tail();
                answered(producer.is_released(tail), &[], poisoned);
            }
            Step::ReplaceProducer => {
                if answered(self.real.replace_producer(), &[], &mut false).is_some() {
                    self.producer_poisoned = false;
                }
            }
            _ => self.consume(step),
        }
    }

    fn consume(&mut self, step: &Step) {
        let (consumer, poisoned) = (&mut self.real.consumer, &mut self.consumer_poisoned);
        match step {
            Step::Peek(..) | Step::PeekKnown(_) => {
                self.real.ranges = vec![0; 24];
                let peeked = match step {
                    Step::Peek(limit, fresh) => consumer.peek(&mut self.real.ranges, *limit, *fresh),
                    Step::PeekKnown(limit) => consumer.peek_known(&mut self.real.ranges, *limit),
                    _ => unreachable!(),
                };
                if let Some(peeked) = answered(peeked, &[], poisoned) {
                    let ranges = &self.real.ranges;
                    read(&self.real.memory, &self.real.layout, peeked.position, ranges, peeked.count);
                }
            }
            Step::Release(count) => {
                let count = (*count).min(self.real.ranges.len() / 2);
                answered(consumer.release(&self.real.ranges, count), &[Code::InvalidArgument], poisoned);
            }
            Step::HasRecord => {
                answered(consumer.has_record(), &[], poisoned);
            }
            Step::Position => {
                answered(consumer.position(), &[], poisoned);
            }
            Step::Available => {
                if let Some(bytes) = answered(consumer.available(), &[], poisoned) {
                    assert!(bytes <= self.real.layout.capacity as u64);
                }
            }
            Step::SleepUntilPublished => {
                let announced = consumer.announce_sleep();
                let (sleeper, memory) = consumer.sleeper();
                sleeper.sleep(memory, &announced, std::time::Duration::ZERO);
                sleeper.leave(memory, announced);
                let _ = (consumer.is_sealed(), consumer.producer_is_writing(false));
            }
            Step::ReplaceConsumer => {
                if answered(self.real.replace_consumer(), &[], &mut false).is_some() {
                    self.consumer_poisoned = false;
                }
            }
            _ => self.damage(step),
        }
    }

    fn damage(&mut self, step: &Step) {
        let layout = self.real.layout;
        let (at, change) = match step {
            Step::DamageWord(index, change) => {
                let (slot, offset) = *index.get(&WORDS);
                (slot.map_or(layout.control, |slot| layout.slot(slot)) + offset, *change)
            }
            Step::DamageAny(index, change) => {
                (layout.control + 8 * index.index((layout.size - layout.control) / 8), *change)
            }
            Step::ReplaceHeader(header) => {
                let head = self.real.head();
                let at = layout.data + (head as usize & (layout.capacity - 1) & !7);
                (at, Change::To(header.encode(head)))
            }
            Step::WriteBatch(_) => return,
            _ => unreachable!("{step:?} damages nothing"),
        };
        self.real.memory.set(at, change.of(self.real.memory.get(at)));
    }
}

proptest! {
    #![proptest_config(at_least(4096))]

    #[test]
    fn every_call_answers_whatever_is_done_to_the_memory_under_it(
        position in positions(16384),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let layout = Layout::new(Kind::Spsc, 4096).unwrap();
        let real = Real::new(layout, position.min((1 << 62) - (1 << 30)));
        let mut test = Test { real, producer_poisoned: false, consumer_poisoned: false };
        for step in &steps {
            test.real.memory.count_operations_anew();
            test.produce(step);
        }
    }
}
