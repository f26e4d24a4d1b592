//! One owner comes before another goes: whoever looks at the slots meanwhile, one after the other, never
//! says that there was nobody, nor that there was no place.

mod segment_support;

use std::cell::RefCell;
use std::sync::Arc;
use std::thread;

use segment_support::watched::Watched;
use segment_support::{Place, view};
use shmring::attached::{Consumer, EndWhen, Producer, Ring, take_slot};
use shmring::layout::{CONSUMER_SLOT, Kind};
use shmring::owners::{Role, Slot, SlotState, living, owners, verdicts};
use shmring::segment::{CreateOptions, Segment, list};

const NAME: &str = "relay";
const SLOTS: u32 = 254;
const HAND_OVERS: usize = 2_000;

fn create(place: &Place) -> Segment {
    let options = CreateOptions { kind: Some(Kind::Mpsc), capacity: Some(65_536), ..place.small() };
    Segment::create(NAME, &options).unwrap()
}

/// Something that is asked of all slots: whether it saw a living producer.
type Question = fn(&Segment, &Watched) -> bool;

#[test]
fn a_hand_over_at_any_moment_of_a_look_at_all_slots_is_not_taken_for_an_end() {
    let questions: [(&str, Question); 3] = [
        ("living", |segment, memory| living(segment, memory).unwrap().producers > 0),
        ("owners", |segment, memory| owners(segment, memory).unwrap().iter().any(|owner| owner.alive)),
        ("verdicts", |segment, memory| {
            let slots = CONSUMER_SLOT + 1..segment.layout().slot_count;
            let census = verdicts(segment, memory, slots, |verdict| verdict == SlotState::Alive).unwrap();
            census.found.contains(&SlotState::Alive) || !census.is_of_one_moment()
        }),
    ];
    let place = Place::new();
    let segment = create(&place);
    let view = view(&segment);
    let take = |index| Slot::take(&segment, &view.memory, index, Role::Producer, "", 0).unwrap().unwrap();
    for (name, question) in questions {
        for moment in 0.. {
            let goes = RefCell::new(Some(take(SLOTS)));
            let comes = RefCell::new(None);
            let hand_over = |operation| {
                if operation == moment {
                    *comes.borrow_mut() = Some(take(1));
                    goes.borrow_mut().take().unwrap().release(&view.memory);
                }
            };
            let watched = Watched::new(view.memory, hand_over);
            assert!(question(&segment, &watched), "{name}: nobody, handed over at operation {moment}");
            let operations = watched.operations();
            drop(watched);
            let done = comes.into_inner().map(|slot: Slot| slot.release(&view.memory)).is_some();
            if let Some(slot) = goes.into_inner() {
                slot.release(&view.memory);
            }
            assert_eq!(done, operations > moment);
            if !done {
                assert!(moment > 254, "it looked at all of them");
                break;
            }
        }
    }
}

/// A relay of producers, each of which comes before the one before it goes, beside somebody who looks on.
/// `dead` owners lie between.
fn relay(dead: u32, look: impl Fn(&Ring, &mut Consumer, &Place)) {
    let place = Place::new();
    let ring = Ring::attach(create(&place)).unwrap();
    let segment: Arc<Segment> = ring.segment().clone();
    // The first and the last slot are free, or the first two: a slot of the dead is taken when no other is.
    let mut all: Vec<_> = (0..=dead + 1).map(|_| Producer::attach(&segment, "").unwrap()).collect();
    let last = all.pop().unwrap();
    let first = all.remove(0);
    all.iter_mut().for_each(Producer::abandon);
    drop(first);
    let mut consumer = Consumer::attach(&segment, "", EndWhen::NoProducers).unwrap();
    thread::scope(|scope| {
        let relay = scope.spawn(move || {
            let mut runs = last;
            for _ in 0..HAND_OVERS {
                let next = Producer::attach(&segment, "next").unwrap();
                drop(std::mem::replace(&mut runs, next));
            }
            // It stays until nobody looks any more.
            runs
        });
        while !relay.is_finished() {
            look(&ring, &mut consumer, &place);
        }
    });
}

#[test]
fn a_rolling_restart_does_not_end_a_stream_that_ends_without_producers() {
    for dead in [0, SLOTS - 2] {
        relay(dead, |_, consumer, _| assert_eq!(consumer.end().unwrap(), None, "{dead} dead between"));
    }
}

#[test]
fn a_rolling_restart_leaves_a_producer_to_be_counted_at_every_moment() {
    for dead in [0, SLOTS - 2] {
        relay(dead, |ring, _, place| {
            assert!(ring.stats().unwrap().producers >= 1, "stats, {dead} dead between");
            let alive = ring.owners().unwrap().iter().filter(|(owner, _)| owner.alive).count();
            assert!(alive >= 2, "owners: only {alive}, the consumer among them, {dead} dead between");
            let listed = list(Some(&place.0)).unwrap();
            assert!(listed[0].alive >= 2, "list: {listed:?}, {dead} dead between");
        });
    }
}

#[test]
fn an_attach_is_never_told_that_all_places_are_taken_while_one_is_free_at_every_moment() {
    let place = Place::new();
    let segment = create(&place);
    let view = view(&segment);
    let take = |index| Slot::take(&segment, &view.memory, index, Role::Producer, "", 0).unwrap().unwrap();
    let _held: Vec<_> = (2..SLOTS).map(take).collect();
    // The last place is free and the first is not, until somebody takes the last and the first is left.
    for closes in [true, false] {
        for moment in 0.. {
            let goes = RefCell::new(Some(take(1)));
            let comes = RefCell::new(None);
            let hand_over = |operation| {
                if operation == moment {
                    let last = Slot::take(&segment, &view.memory, SLOTS, Role::Producer, "", 0).unwrap();
                    // Otherwise it is ours already.
                    if last.is_some() {
                        *comes.borrow_mut() = last;
                        let slot = goes.borrow_mut().take().unwrap();
                        if closes { slot.release(&view.memory) } else { drop(slot) }
                    }
                }
            };
            let watched = Watched::new(view.memory, hand_over);
            let slots = CONSUMER_SLOT + 1..SLOTS + 1;
            let taken = take_slot(&segment, &watched, slots, "", |_| Ok(((), 0)));
            let (slot, ()) = taken.unwrap_or_else(|error| panic!("handed over at {moment}: {error}"));
            let operations = watched.operations();
            drop(watched);
            for slot in [Some(slot), goes.into_inner(), comes.into_inner()].into_iter().flatten() {
                slot.release(&view.memory);
            }
            if operations < moment {
                assert!(moment > 254, "it looked at all of them");
                break;
            }
        }
    }
}
