//! Shared words that differ between two reads of them, within one call too: every call answers with
//! what it found or with an error. None panics, runs without end or touches a byte outside the ring,
//! which the memory under the ring checks.

mod segment_support;
mod support;

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use segment_support::{Place, view};
use shmring::attached::Stats;
use shmring::error::{Code, Result};
use shmring::layout::{Kind, Layout, slot};
use shmring::memory::Memory;
use shmring::owners::{Role, Slot, liveness, owners, recover};
use shmring::ring::spsc::{Consumer, Payload, Producer};
use shmring::segment::Segment;
use support::fickle::Fickle;
use support::heap::HeapMemory;
use support::positions::{at_least, positions};
use support::records::read;

#[derive(Debug, Clone)]
enum Call {
    Write(usize),
    WriteBatch(Vec<usize>),
    Claim(usize),
    Commit,
    HasRoom(usize),
    IsReleased,
    Sleep(usize),
    AttachProducer,
    Peek(bool),
    PeekKnown,
    Release(usize),
    Look,
    AttachConsumer,
}

fn call() -> impl Strategy<Value = Call> {
    let length = || prop_oneof![4 => 0..300_usize, 1 => 0..4200_usize];
    prop_oneof![
        8 => length().prop_map(Call::Write),
        1 => prop::collection::vec(length(), 1..6).prop_map(Call::WriteBatch),
        2 => length().prop_map(Call::Claim),
        2 => Just(Call::Commit),
        1 => length().prop_map(Call::HasRoom),
        1 => Just(Call::IsReleased),
        1 => length().prop_map(Call::Sleep),
        3 => Just(Call::AttachProducer),
        8 => any::<bool>().prop_map(Call::Peek),
        2 => Just(Call::PeekKnown),
        8 => (0..12_usize).prop_map(Call::Release),
        1 => Just(Call::Look),
        3 => Just(Call::AttachConsumer),
    ]
}

/// What is no error of ours to be expected here fails.
fn answer<T>(result: Result<T>, also: &[Code]) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            let damage = matches!(error.code, Code::Corrupt | Code::Fenced);
            assert!(damage || also.contains(&error.code), "{error}");
            None
        }
    }
}

const BEGIN: &[Code] = &[Code::TooLarge, Code::ClaimOpen, Code::Sealed];

struct Test {
    layout: Layout,
    heap: HeapMemory,
    memory: Fickle<HeapMemory>,
    producer: Option<Producer<Fickle<HeapMemory>>>,
    consumer: Option<Consumer<Fickle<HeapMemory>>>,
    ranges: [u32; 24],
}

impl Test {
    fn make(&mut self, call: &Call) {
        self.heap.count_operations_anew();
        match call {
            Call::AttachProducer => {
                self.producer = answer(Producer::attach(self.memory.clone(), &self.layout), &[]);
            }
            Call::AttachConsumer => {
                self.consumer = answer(Consumer::attach(self.memory.clone(), &self.layout), &[]);
            }
            _ => {
                self.produce(call);
                self.consume(call);
            }
        }
    }

    fn produce(&mut self, call: &Call) {
        let Some(producer) = &mut self.producer else { return };
        match call {
            Call::Write(length) => {
                let payload = vec![1; *length];
                // SAFETY: the payload outlives the call.
                answer(unsafe { producer.try_write(Payload::of(&payload)) }, BEGIN);
            }
            Call::WriteBatch(lengths) => {
                let payloads: Vec<_> = lengths.iter().map(|&length| vec![2; length]).collect();
                let batch: Vec<_> = payloads.iter().map(|payload| Payload::of(payload)).collect();
                // SAFETY: the payloads outlive the call.
                answer(unsafe { producer.try_write_batch(&batch) }, BEGIN);
            }
            Call::Claim(length) => {
                if let Some(Some(start)) = answer(producer.try_claim(*length, 0), BEGIN) {
                    assert!(start + length <= self.layout.capacity);
                }
            }
            Call::Commit => {
                answer(producer.commit(None), &[Code::InvalidArgument]);
            }
            Call::HasRoom(length) => {
                answer(producer.has_room(*length), BEGIN);
            }
            Call::IsReleased => {
                answer(producer.is_released(producer.tail()), &[]);
            }
            Call::Sleep(length) => {
                let announced = producer.announce_sleep(*length);
                let (sleeper, memory) = producer.sleeper();
                sleeper.sleep(memory, &announced, std::time::Duration::ZERO);
                sleeper.leave(memory, announced);
            }
            _ => {}
        }
    }

    fn consume(&mut self, call: &Call) {
        let Some(consumer) = &mut self.consumer else { return };
        match call {
            Call::Peek(_) | Call::PeekKnown => {
                let peeked = match call {
                    Call::Peek(fresh) => consumer.peek(&mut self.ranges, 12, *fresh),
                    _ => consumer.peek_known(&mut self.ranges, 12),
                };
                if let Some(peeked) = answer(peeked, &[]) {
                    read(&self.heap, &self.layout, peeked.position, &self.ranges, peeked.count);
                }
            }
            Call::Release(count) => {
                answer(consumer.release(&self.ranges, *count), &[Code::InvalidArgument]);
            }
            Call::Look => {
                answer(consumer.has_record(), &[]);
                answer(consumer.position(), &[]);
                if let Some(bytes) = answer(consumer.available(), &[]) {
                    assert!(bytes <= self.layout.capacity as u64);
                }
            }
            Call::Sleep(_) => {
                let announced = consumer.announce_sleep();
                let (sleeper, memory) = consumer.sleeper();
                sleeper.sleep(memory, &announced, std::time::Duration::ZERO);
                sleeper.leave(memory, announced);
                let _ = (consumer.is_sealed(), consumer.producer_is_writing(false));
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(at_least(4096))]

    #[test]
    fn every_call_of_the_ring_answers_though_words_differ_between_two_reads(
        position in positions(16384),
        seed in any::<u64>(),
        rarity in 3..11_u32,
        calls in prop::collection::vec(call(), 1..200),
    ) {
        let layout = Layout::new(Kind::Spsc, 4096).unwrap();
        let heap = HeapMemory::new(layout, position.min((1 << 62) - (1 << 30)));
        let memory = Fickle::new(heap.clone(), seed);
        let producer = Some(Producer::attach(memory.clone(), &layout).unwrap());
        let consumer = Some(Consumer::attach(memory.clone(), &layout).unwrap());
        memory.become_fickle(rarity);
        let mut test = Test { layout, heap, memory, producer, consumer, ranges: [0; 24] };
        for call in &calls {
            test.make(call);
        }
    }

    #[test]
    fn who_owns_what_is_answered_though_words_differ_between_two_reads(
        seed in any::<u64>(),
        rarity in 3..7_u32,
    ) {
        thread_local! {
            static PLACE: (Place, Segment) = {
                let place = Place::new();
                let segment = Segment::create("fickle", &place.small()).unwrap();
                (place, segment)
            };
        }
        PLACE.with(|(_, segment)| {
            let view = view(segment);
            let memory = Fickle::new(view.memory, seed);
            for index in 0..2 {
                // What the last case left there.
                view.memory.store64(segment.layout().slot(index) + slot::STATE, 0, Ordering::Relaxed);
            }
            memory.become_fickle(rarity);
            for index in 0..2 {
                let slot = answer(Slot::take(segment, &memory, index, Role::of(index), "label", 3), &[]);
                answer(liveness(segment, &memory, index), &[]);
                for owner in answer(owners(segment, &memory), &[]).into_iter().flatten() {
                    assert!(owner.label.chars().count() <= 64 && owner.slot < 2);
                }
                answer(recover(segment, &memory), &[]);
                if let Some(stats) = answer(Stats::read(segment, &memory), &[]) {
                    assert!(stats.bytes_waiting <= 4096 && stats.producers < 2 && stats.consumers < 2);
                }
                if let Some(slot) = slot.flatten() {
                    slot.release(&memory);
                }
            }
        });
    }
}
