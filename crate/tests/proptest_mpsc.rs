//! Any sequence of calls of three producers and a consumer, each replaced at any moment, agrees with a
//! plain queue: contents, order, positions, counters, and exactly when there is room.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use shmring::error::{Code, Error};
use shmring::layout::{CONSUMER_SLOT, GRANULE, Kind, Layout, control, slot};
use shmring::ledger::{self, Entry};
use shmring::memory::Memory;
use shmring::ring::mpsc::{Chain, Consumer, Payload, Producer, repair, written};
use support::heap::HeapMemory;
use support::mpsc_model::Model;
use support::positions::{at_least, positions};
use support::small;

const PRODUCERS: u32 = 3;

#[derive(Debug, Clone, Copy)]
enum Length {
    Small(usize),
    /// Around a part of the capacity.
    Around(usize, usize),
}

impl Length {
    fn of(self, capacity: usize) -> usize {
        match self {
            Length::Small(length) => length,
            Length::Around(part, less) => capacity / part - less,
        }
    }
}

fn length() -> impl Strategy<Value = Length> {
    prop_oneof![
        6 => (0..200_usize).prop_map(Length::Small),
        2 => (prop::sample::select(&[2_usize, 4, 8][..]), 0..24_usize)
            .prop_map(|(part, less)| Length::Around(part, less)),
    ]
}

#[derive(Debug, Clone)]
enum Call {
    Write(Length),
    WriteBatch(Vec<Length>),
    Claim(Length),
    /// Leaves out so many of the claim's bytes.
    Commit(usize),
    CommitTooMuch,
    Abort,
    HasRoom(Length),
    /// The producer is killed, and another comes.
    Replace,
    Peek {
        limit: usize,
        fresh: bool,
    },
    Release(prop::sample::Index),
    HasRecord,
    Unblock,
    Position,
    Available,
    ReplaceConsumer,
    Repair,
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        8 => length().prop_map(Call::Write),
        2 => vec(length(), 0..8).prop_map(Call::WriteBatch),
        3 => length().prop_map(Call::Claim),
        3 => (0..40_usize).prop_map(Call::Commit),
        1 => Just(Call::CommitTooMuch),
        1 => Just(Call::Abort),
        1 => length().prop_map(Call::HasRoom),
        1 => Just(Call::Replace),
        8 => (0..12_usize, any::<bool>()).prop_map(|(limit, fresh)| Call::Peek { limit, fresh }),
        8 => any::<prop::sample::Index>().prop_map(Call::Release),
        1 => Just(Call::HasRecord),
        3 => Just(Call::Unblock),
        1 => Just(Call::Position),
        1 => Just(Call::Available),
        1 => Just(Call::ReplaceConsumer),
        1 => Just(Call::Repair),
    ]
}

/// Layout, position to begin at, and who calls what.
fn scenario() -> impl Strategy<Value = (Layout, u64, Vec<(u32, Call)>)> {
    let granules = prop::sample::select(&[4_usize, 8, 16, 64][..]);
    (granules, positions(16384), vec((1..=PRODUCERS, call()), 1..200)).prop_map(
        |(granules, position, calls)| {
            let layout = small::layout(granules, PRODUCERS + 1);
            let last = last_position(&layout) - 200 * layout.capacity as u64;
            (layout, position.min(last) / 64 * 64, calls)
        },
    )
}

/// The last position at which a reservation can begin, and a granule more.
fn last_position(layout: &Layout) -> u64 {
    ((1_u64 << 40) - 1).saturating_mul(layout.capacity as u64).min(1 << 62)
}

struct Test {
    memory: HeapMemory,
    layout: Layout,
    producers: Vec<Producer<HeapMemory>>,
    consumer: Consumer<HeapMemory>,
    model: Model,
    payloads: u8,
}

/// The error's code, as the model speaks of errors.
fn code<T>(result: Result<T, Error>) -> Result<T, Code> {
    result.map_err(|error| error.code)
}

impl Test {
    fn new(layout: Layout, position: u64) -> Self {
        let memory = HeapMemory::new(layout, position);
        let attach = |slot| Producer::attach(memory.clone(), &layout, slot).unwrap();
        Test {
            producers: (1..=PRODUCERS).map(attach).collect(),
            consumer: Consumer::attach(memory.clone(), &layout).unwrap(),
            model: Model::new(&layout, position),
            payloads: 0,
            layout,
            memory,
        }
    }

    fn payload(&mut self, length: usize) -> Vec<u8> {
        self.payloads = self.payloads.wrapping_add(97);
        (0..length).map(|index| (index as u8).wrapping_mul(31).wrapping_add(self.payloads)).collect()
    }

    fn produce(&mut self, slot: u32, call: &Call) {
        let capacity = self.layout.capacity;
        let index = slot as usize - 1;
        match call {
            Call::Write(length) => {
                let payload = self.payload(length.of(capacity));
                // SAFETY: the payload outlives the call.
                let found = unsafe { self.producers[index].try_write(Payload::of(&payload)) };
                assert_eq!(code(found), self.model.write(slot, &payload));
            }
            Call::WriteBatch(lengths) => {
                let payloads: Vec<_> =
                    lengths.iter().map(|length| self.payload(length.of(capacity))).collect();
                let batch: Vec<_> = payloads.iter().map(|payload| Payload::of(payload)).collect();
                // SAFETY: the payloads outlive the call.
                let found = unsafe { self.producers[index].try_write_batch(&batch) };
                assert_eq!(code(found), self.model.write_batch(slot, &payloads));
            }
            Call::Claim(length) => {
                let payload = self.payload(length.of(capacity));
                let found = code(self.producers[index].try_claim(payload.len(), 0));
                assert_eq!(found, self.model.claim(slot, payload.len()));
                if let Ok(Some(start)) = found {
                    let at = self.layout.data + start;
                    // SAFETY: the claim is as long as the payload.
                    unsafe { self.memory.copy_in(at, payload.as_ptr(), payload.len()) };
                }
            }
            Call::Commit(less) => self.commit(slot, |claimed| claimed.saturating_sub(*less)),
            Call::CommitTooMuch => self.commit(slot, |claimed| claimed + 1),
            Call::Abort => assert_eq!(code(self.producers[index].abort()), self.model.abort(slot)),
            Call::HasRoom(length) => {
                let length = length.of(capacity);
                assert_eq!(code(self.producers[index].has_room(length)), self.model.has_room(slot, length));
            }
            Call::Replace => {
                self.producers[index] = Producer::attach(self.memory.clone(), &self.layout, slot).unwrap();
                self.model.replace(slot);
            }
            _ => self.consume(call),
        }
    }

    fn commit(&mut self, slot: u32, length: impl Fn(usize) -> usize) {
        let claim = self.model.owners[slot as usize].claim;
        let (position, claimed) = claim.unwrap_or_default();
        let at = self.layout.data + position as usize % self.layout.capacity + 8;
        let mut payload = vec![0; claimed];
        // SAFETY: the payload is as long as the claim.
        unsafe { self.memory.copy_out(at, payload.as_mut_ptr(), claimed) };
        let length = length(claimed);
        let found = self.producers[slot as usize - 1].commit(Some(length));
        assert_eq!(code(found), self.model.commit(slot, length, &payload));
    }

    fn consume(&mut self, call: &Call) {
        let (consumer, model) = (&mut self.consumer, &mut self.model);
        // Everybody who has a slot is alive; what a dead predecessor reserved is known by the floor.
        let alive = |_| Ok(true);
        match call {
            Call::Peek { limit, fresh } => {
                let mut ranges = [u32::MAX; 20];
                let found = consumer.peek(&mut ranges, *limit, *fresh).unwrap();
                let expected = model.peek((*limit).min(10), *fresh);
                let payloads = ranges[..2 * found.count].chunks(2).map(|range| {
                    let mut bytes = vec![0; (range[1] - range[0]) as usize];
                    let at = self.layout.data + range[0] as usize;
                    // SAFETY: the target is as long as the range, which the memory checks.
                    unsafe { self.memory.copy_out(at, bytes.as_mut_ptr(), bytes.len()) };
                    bytes
                });
                assert_eq!((found.position, payloads.collect::<Vec<_>>()), expected);
            }
            Call::Release(count) => {
                let count = count.index(model.run_length() + 1);
                consumer.release(count).unwrap();
                model.release(count);
            }
            Call::HasRecord => assert_eq!(consumer.has_record().unwrap(), model.has_record()),
            Call::Unblock => {
                let found = consumer.blocked().unwrap();
                let expected = model.blocked();
                assert_eq!(found.is_some(), expected.is_some());
                if let (Some(blocked), Some(lives)) = (found, expected) {
                    assert_eq!(consumer.unblock(blocked, alive).unwrap(), !lives);
                    if !lives {
                        model.unblock();
                    }
                }
            }
            Call::Position => assert_eq!(consumer.position().unwrap(), model.position()),
            Call::Available => {
                let (available, all) = (consumer.available().unwrap(), model.available());
                // The tail follows.
                let behind = (self.layout.capacity as u64 / 16).max(GRANULE as u64);
                assert!(available <= all && all - available < behind, "{available} of {all} bytes");
            }
            Call::ReplaceConsumer => {
                *consumer = Consumer::attach(self.memory.clone(), &self.layout).unwrap();
                model.replace_consumer();
            }
            Call::Repair => {
                let repaired = repair(&self.memory, &self.layout, alive).unwrap();
                assert_eq!((repaired.reservations, repaired.bytes), model.repair());
            }
            _ => unreachable!("a call of a producer"),
        }
    }

    /// What anybody sees in shared memory is what the model says.
    fn assert_agrees(&self) {
        let (layout, model) = (&self.layout, &self.model);
        let word = |at| self.memory.get(at);
        let head = word(layout.control + control::HEAD);
        let tail = word(layout.control + control::TAIL);
        assert_eq!(head, model.head, "head");
        assert!((head..=model.tail).contains(&tail), "the tail is {tail}");
        if model.tail <= last_position(layout) {
            assert_eq!(
                Chain::new(layout).end(&self.memory, tail).unwrap(),
                model.tail,
                "the end of the chain"
            );
        }
        let read = ledger::read(&self.memory, layout.slot(CONSUMER_SLOT) + slot::LEDGER, head);
        assert_eq!(read, Some(Entry { records: model.read, abandoned: model.abandoned }));
        for (index, producer) in (1..).zip(&self.producers) {
            let (at, owner) = (layout.slot(index), &model.owners[index as usize]);
            assert_eq!(written(&self.memory, layout, index), owner.written, "slot {index}");
            assert_eq!((producer.written(), producer.has_claim()), (owner.written, owner.claim.is_some()));
            assert_eq!((word(at + slot::FULL), word(at + slot::ABORTED)), (owner.refused, owner.aborted));
        }
    }
}

proptest! {
    #![proptest_config(at_least(2048))]

    #[test]
    fn any_sequence_of_calls_agrees_with_a_plain_queue((layout, position, calls) in scenario()) {
        let mut test = Test::new(layout, position);
        for (slot, call) in &calls {
            test.memory.count_operations_anew();
            test.produce(*slot, call);
            test.assert_agrees();
        }
    }

    #[test]
    fn an_empty_ring_has_room_for_any_record_that_it_takes_at_all(
        (layout, position, _) in scenario(),
        length in length(),
    ) {
        let mut test = Test::new(layout, position);
        let payload = vec![7; length.of(layout.capacity).min(layout.max_record())];
        // SAFETY: the payload outlives the call.
        let written = unsafe { test.producers[0].try_write(Payload::of(&payload)).unwrap() };
        prop_assert!(written);
        let mut ranges = [0; 2];
        prop_assert_eq!(test.consumer.peek(&mut ranges, 1, true).unwrap().count, 1);
        prop_assert_eq!((ranges[1] - ranges[0]) as usize, payload.len());
    }
}

/// Where laps end, and, in a larger ring, where positions do.
#[test]
fn a_ring_that_has_come_to_the_end_of_its_positions_says_so_and_everything_is_still_read() {
    for layout in [small::layout(4, PRODUCERS + 1), Layout::new(Kind::Mpsc, 1 << 25).unwrap()] {
        let last = last_position(&layout);
        let mut test = Test::new(layout, last - 128);
        let payload = [7; 20];
        let mut accepted = 0;
        let error = loop {
            // SAFETY: the payload outlives the call.
            match unsafe { test.producers[0].try_write(Payload::of(&payload)) } {
                Ok(true) => accepted += 1,
                Ok(false) => panic!("a ring that is not full"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.code, Code::Corrupt, "{error}");
        let mut read = 0;
        while test.consumer.has_record().unwrap() {
            let count = test.consumer.peek(&mut [0; 20], 10, true).unwrap().count;
            test.consumer.release(count).unwrap();
            read += count;
        }
        assert_eq!(read, accepted);
        assert!((2..=3).contains(&accepted), "{accepted}");
        let second = Producer::attach(test.memory.clone(), &layout, 2).err().map(|error| error.code);
        assert_eq!(second, Some(Code::Corrupt));
    }
}
