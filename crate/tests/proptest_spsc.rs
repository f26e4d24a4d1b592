//! Any sequence of calls of the two ends of an `spsc` ring, replaced and killed at any moment, agrees
//! with a plain queue: contents, order, positions, counters, and exactly when there is room.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use shmring::error::{Code, Error};
use shmring::layout::{Kind, Layout, slot};
use shmring::memory::Memory;
use shmring::ring::spsc::{PRODUCER_SLOT, Payload, Peeked};
use support::positions::{at_least, positions};
use support::records::read;
use support::spsc_model::{Model, Run};
use support::spsc_real::Real;

/// A payload length in terms of the ring's capacity.
#[derive(Debug, Clone, Copy)]
enum Length {
    Small(usize),
    /// Around an eighth, a half, the whole, whose headers bring it a little over.
    Around(usize, usize),
    Any(prop::sample::Index),
}

impl Length {
    fn of(self, capacity: usize) -> usize {
        match self {
            Length::Small(length) => length,
            Length::Around(part, less) => capacity / part + 4 - less,
            Length::Any(index) => index.index(capacity),
        }
    }
}

fn length() -> impl Strategy<Value = Length> {
    prop_oneof![
        6 => (0..200_usize).prop_map(Length::Small),
        2 => (prop::sample::select(&[1_usize, 2, 4, 8][..]), 0..40_usize)
            .prop_map(|(part, less)| Length::Around(part, less)),
        1 => any::<prop::sample::Index>().prop_map(Length::Any),
    ]
}

#[derive(Debug, Clone)]
enum Call {
    Write(Length),
    WriteBatch(Vec<Length>),
    Claim(Length),
    /// Leaves out so many of the claim's bytes; usize::MAX: says nothing of a length.
    Commit(usize),
    CommitTooMuch,
    Abort,
    HasRoom(Length),
    AnnounceSleep(Length),
    IsReleased(i64),
    Peek {
        limit: usize,
        places: usize,
        fresh: bool,
    },
    PeekKnown {
        limit: usize,
        places: usize,
    },
    Release(prop::sample::Index),
    HasRecord,
    Position,
    Available,
    ReplaceProducer,
    ReplaceConsumer,
    KillInWrite(Length, usize),
    KillInRelease(prop::sample::Index, usize),
}

fn call() -> impl Strategy<Value = Call> {
    let less = prop_oneof![Just(usize::MAX), 0..64_usize];
    prop_oneof![
        8 => length().prop_map(Call::Write),
        2 => vec(length(), 0..12).prop_map(Call::WriteBatch),
        3 => length().prop_map(Call::Claim),
        3 => less.prop_map(Call::Commit),
        1 => Just(Call::CommitTooMuch),
        1 => Just(Call::Abort),
        1 => length().prop_map(Call::HasRoom),
        1 => length().prop_map(Call::AnnounceSleep),
        1 => (-64_i64..64).prop_map(|units| Call::IsReleased(8 * units)),
        8 => (0..20_usize, 0..20_usize, any::<bool>())
            .prop_map(|(limit, places, fresh)| Call::Peek { limit, places, fresh }),
        3 => (0..20_usize, 0..20_usize).prop_map(|(limit, places)| Call::PeekKnown { limit, places }),
        9 => any::<prop::sample::Index>().prop_map(Call::Release),
        2 => Just(Call::HasRecord),
        1 => Just(Call::Position),
        1 => Just(Call::Available),
        1 => Just(Call::ReplaceProducer),
        1 => Just(Call::ReplaceConsumer),
        1 => (length(), 0..32_usize).prop_map(|(length, after)| Call::KillInWrite(length, after)),
        1 => (any::<prop::sample::Index>(), 0..16_usize)
            .prop_map(|(count, after)| Call::KillInRelease(count, after)),
    ]
}

/// Capacity, position to begin at, and calls.
fn scenario() -> impl Strategy<Value = (Layout, u64, Vec<Call>)> {
    let capacity = prop::sample::select(&[4096_u64, 8192][..]);
    (capacity, positions(16384), vec(call(), 1..200)).prop_map(|(capacity, position, calls)| {
        // The last position at which one can attach is 2^62.
        (Layout::new(Kind::Spsc, capacity).unwrap(), position.min((1 << 62) - (1 << 30)), calls)
    })
}

/// The error's code, as the model speaks of errors.
fn code<T>(result: Result<T, Error>) -> Result<T, Code> {
    result.map_err(|error| error.code)
}

struct Test {
    real: Real,
    model: Model,
    /// Makes every payload another.
    payloads: u8,
}

impl Test {
    fn payload(&mut self, length: Length) -> Vec<u8> {
        self.payloads = self.payloads.wrapping_add(97);
        let length = length.of(self.real.layout.capacity);
        (0..length).map(|index| (index as u8).wrapping_mul(31).wrapping_add(self.payloads)).collect()
    }

    fn call(&mut self, call: &Call) {
        match call {
            Call::Write(length) => {
                let payload = self.payload(*length);
                // SAFETY: the payload outlives the call.
                let found = unsafe { self.real.producer.try_write(Payload::of(&payload)) };
                assert_eq!(code(found), self.model.write(&payload));
            }
            Call::WriteBatch(lengths) => {
                let payloads: Vec<_> = lengths.iter().map(|&length| self.payload(length)).collect();
                let batch: Vec<_> = payloads.iter().map(|payload| Payload::of(payload)).collect();
                // SAFETY: the payloads outlive the call.
                let found = unsafe { self.real.producer.try_write_batch(&batch) };
                assert_eq!(code(found), self.model.write_batch(&payloads));
            }
            Call::Claim(length) => {
                let payload = self.payload(*length);
                let found = code(self.real.producer.try_claim(payload.len(), 0));
                assert_eq!(found, self.model.claim(payload.len()));
                if let Ok(Some(start)) = found {
                    let at = self.real.layout.data + start;
                    // SAFETY: the claim is as long as the payload.
                    unsafe { self.real.memory.copy_in(at, payload.as_ptr(), payload.len()) };
                }
            }
            Call::Commit(less) => {
                let claimed = self.model.claim.map_or(0, |(_, length)| length);
                let length = (*less != usize::MAX).then(|| claimed.saturating_sub(*less));
                self.commit(length);
            }
            Call::CommitTooMuch => {
                let claimed = self.model.claim.map_or(0, |(_, length)| length);
                self.commit(Some(claimed + 1));
            }
            Call::Abort => assert_eq!(code(self.real.producer.abort()), self.model.abort()),
            Call::HasRoom(length) => {
                let length = length.of(self.real.layout.capacity);
                assert_eq!(code(self.real.producer.has_room(length)), self.model.has_room(length));
            }
            Call::AnnounceSleep(length) => self.announce_sleep(length.of(self.real.layout.capacity)),
            Call::IsReleased(from_head) => {
                let position = self.model.head.saturating_add_signed(*from_head);
                let found = self.real.producer.is_released(position).unwrap();
                assert_eq!(found, position <= self.model.head);
            }
            _ => self.consumer_call(call),
        }
    }

    fn consumer_call(&mut self, call: &Call) {
        let consumer = &mut self.real.consumer;
        match call {
            Call::Peek { limit, places, fresh } => {
                self.real.ranges = vec![u32::MAX; 2 * places];
                let found = consumer.peek(&mut self.real.ranges, *limit, *fresh).unwrap();
                let expected = self.model.peek(*limit.min(places), *fresh);
                assert_handed_out(&self.real, found, expected);
            }
            Call::PeekKnown { limit, places } => {
                self.real.ranges = vec![u32::MAX; 2 * places];
                let found = consumer.peek_known(&mut self.real.ranges, *limit).unwrap();
                let expected = self.model.peek_known(*limit.min(places));
                assert_handed_out(&self.real, found, expected);
            }
            Call::Release(count) => {
                let count = count.index(self.model.run.records.len() + 1);
                consumer.release(&self.real.ranges, count).unwrap();
                self.model.release(count);
            }
            Call::HasRecord => assert_eq!(consumer.has_record().unwrap(), self.model.has_record()),
            Call::Position => assert_eq!(consumer.position().unwrap(), self.model.position()),
            Call::Available => assert_eq!(consumer.available().unwrap(), self.model.available()),
            Call::ReplaceProducer => {
                self.real.replace_producer().unwrap();
                self.model.replace_producer();
            }
            Call::ReplaceConsumer => {
                self.real.replace_consumer().unwrap();
                self.model.replace_consumer();
            }
            Call::KillInWrite(length, after) => self.kill_in_write(*length, *after),
            Call::KillInRelease(count, after) => {
                let count = count.index(self.model.run.records.len() + 1);
                self.kill_in_release(count, *after);
            }
            _ => unreachable!("a call of the producer"),
        }
    }

    fn commit(&mut self, length: Option<usize>) {
        let mut payload = Vec::new();
        if let Some((start, claimed)) = self.model.claim {
            let at = self.real.layout.data + start as usize % self.real.layout.capacity + 8;
            payload.resize(claimed, 0);
            // SAFETY: the payload is as long as the claim.
            unsafe { self.real.memory.copy_out(at, payload.as_mut_ptr(), claimed) };
        }
        assert_eq!(code(self.real.producer.commit(length)), self.model.commit(length, &payload));
    }

    /// The wish of a producer that finds no room is the least head at which it gets on.
    fn announce_sleep(&mut self, length: usize) {
        if self.model.claim.is_some() || length > self.model.max_record() {
            return;
        }
        let before = self.model.clone();
        let announced = self.real.producer.announce_sleep(length);
        let wanted = self.real.memory.get(self.real.layout.slot(PRODUCER_SLOT) + slot::WANTED);
        if !before.gets_on_at(before.head, length) {
            assert!(before.head < wanted && wanted <= before.tail, "{wanted} is no head to wait for");
            assert!(before.gets_on_at(wanted, length), "at {wanted} there is nothing to be done");
            assert!(!before.gets_on_at(wanted - 8, length), "before {wanted} there was something to do");
        }
        let room = code(self.real.producer.has_room(length));
        assert_eq!(room, self.model.has_room(length));
        assert!(room == Ok(true) || wanted <= self.model.tail, "{wanted} lies past the tail");
        let (sleeper, memory) = self.real.producer.sleeper();
        sleeper.leave(memory, announced);
    }

    /// What the killed producer had begun has happened wholly or not at all.
    fn kill_in_write(&mut self, length: Length, after: usize) {
        let payload = self.payload(length);
        let mut done = self.model.clone();
        let expected = done.write(&payload);
        self.real.producing.kill_after(after);
        // SAFETY: the payload outlives the call.
        let found = code(unsafe { self.real.producer.try_write(Payload::of(&payload)) });
        let told = !self.real.producing.is_dead();
        if told {
            assert_eq!(found, expected);
        }
        if told || self.real.tail() != self.model.tail {
            self.model = done;
        }
        // Its counter of refusals is for people, and may be one behind.
        assert!(self.model.refused.abs_diff(self.real.refused()) <= 1);
        self.model.refused = self.real.refused();
        self.real.replace_producer().unwrap();
        self.model.replace_producer();
    }

    fn kill_in_release(&mut self, count: usize, after: usize) {
        let mut done = self.model.clone();
        done.release(count);
        self.real.consuming.kill_after(after);
        let found = self.real.consumer.release(&self.real.ranges, count);
        if !self.real.consuming.is_dead() {
            found.unwrap();
            assert_eq!(self.real.head(), done.head);
        }
        if self.real.head() != self.model.head {
            self.model = done;
        }
        self.real.replace_consumer().unwrap();
        self.model.replace_consumer();
    }
}

fn assert_handed_out(real: &Real, found: Peeked, expected: &Run) {
    assert_eq!((found.position, found.count), (expected.position, expected.records.len()));
    let records = read(&real.memory, &real.layout, found.position, &real.ranges, found.count);
    let mut position = expected.position;
    for ((at, bytes), (end, payload)) in records.iter().zip(&expected.records) {
        assert_eq!((at, bytes), (&position, payload));
        position = *end;
    }
}

proptest! {
    #![proptest_config(at_least(2048))]

    #[test]
    fn any_sequence_of_calls_and_kills_agrees_with_a_plain_queue((layout, position, calls) in scenario()) {
        let (real, model) = (Real::new(layout, position), Model::new(layout.capacity, position));
        let mut test = Test { real, model, payloads: 0 };
        for call in &calls {
            test.real.memory.count_operations_anew();
            test.call(call);
            test.real.assert_agrees(&test.model);
        }
    }

    #[test]
    fn any_record_is_accepted_by_an_empty_ring_at_the_latest_at_the_second_try(
        (layout, position, _) in scenario(),
        length in length(),
    ) {
        let mut real = Real::new(layout, position);
        let payload = vec![7; length.of(layout.capacity).min(layout.capacity - 8)];
        // SAFETY: the payload outlives the calls.
        let try_write = |real: &mut Real| unsafe { real.producer.try_write(Payload::of(&payload)).unwrap() };
        if !try_write(&mut real) {
            prop_assert!(!real.consumer.has_record().unwrap());
            prop_assert!(try_write(&mut real));
        }
        let mut ranges = [0; 2];
        prop_assert_eq!(real.consumer.peek(&mut ranges, 1, true).unwrap().count, 1);
        prop_assert_eq!((ranges[1] - ranges[0]) as usize, payload.len());
    }
}
