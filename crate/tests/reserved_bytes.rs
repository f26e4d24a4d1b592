//! Bytes of a segment that mean nothing: written as zero, ignored when read, left alone by everybody, so
//! that a later version may give them a meaning which this one need not know.
#![cfg(target_endian = "little")]

mod golden_support;
mod segment_support;

use std::ops::Range;

use golden_support::steps::World;
use golden_support::text::{self, Golden};
use golden_support::{KINDS, fields, history, layout, read};
use shmring::attached::{Inspected, Stats};
use shmring::layout::{Kind, Layout};

/// Offsets of every byte from the control words to the chain that belongs to no field.
fn reserved(layout: &Layout) -> Vec<usize> {
    let mut free = vec![true; layout.chain];
    free[..layout.control].fill(false);
    for field in fields::of_words(layout) {
        let taken = &mut free[field.at..field.at + field.bytes];
        assert!(taken.iter().all(|&free| free), "{} lies in another field", field.name);
        taken.fill(false);
    }
    (0..layout.chain).filter(|&at| free[at]).collect()
}

/// As docs/format.md lists them: from the control words, and from a slot's start.
const CONTROL: [Range<usize>; 6] = [8..128, 136..256, 260..264, 268..272, 276..384, 416..1024];
const SLOT: [Range<usize>; 5] = [144..256, 280..288, 312..320, 324..384, 448..512];
/// What in an `spsc` ring besides.
const CONTROL_SPSC: Range<usize> = 384..416;
const SLOT_SPSC: Range<usize> = 424..440;

#[test]
fn they_are_those_that_the_documentation_lists() {
    for kind in KINDS {
        let layout = layout(kind);
        let more = |range: &Range<usize>| (kind == Kind::Spsc).then(|| range.clone());
        let mut listed: Vec<usize> = Vec::new();
        let mut list = |start: usize, range: Range<usize>| listed.extend(range.map(|at| start + at));
        CONTROL.into_iter().chain(more(&CONTROL_SPSC)).for_each(|range| list(layout.control, range));
        for slot in 0..layout.slot_count {
            SLOT.into_iter().chain(more(&SLOT_SPSC)).for_each(|range| list(layout.slot(slot), range));
        }
        list(0, layout.slot(layout.slot_count)..layout.chain);
        listed.sort_unstable();
        assert_eq!(listed, reserved(&layout));
    }
}

fn used(kind: Kind) -> Golden {
    text::parse(&read(kind, "used"))
}

/// What is seen in such a segment, before and after it was read to its end and used again.
fn seen(kind: Kind, bytes: &[u8]) -> (Vec<Inspected>, Stats, Stats, Vec<u8>) {
    let mut world = World::of(bytes);
    let (inspected, before) = (world.inspect(), world.stats());
    world.expect(inspected.iter().filter_map(|seen| seen.bytes.clone()));
    world.run(&history("again"), None);
    assert!(world.inspect().is_empty(), "{}", kind.name());
    (inspected, before, world.stats(), world.bytes())
}

#[test]
fn they_are_zero_in_whatever_was_written() {
    for kind in KINDS {
        let mut world = World::new(kind);
        world.run(&history(kind.name()), None);
        let (layout, found, golden) = (layout(kind), world.bytes(), used(kind));
        let reserved = reserved(&layout);
        assert!(reserved.iter().all(|&at| found[at] == 0 && golden.bytes[at] == 0));
    }
}

#[test]
fn whatever_stands_there_is_ignored_and_left_alone() {
    for kind in KINDS {
        let (golden, reserved) = (used(kind), reserved(&layout(kind)));
        let (inspected, before, after, left) = seen(kind, &golden.bytes);
        for value in [1, 0x80, 0xff] {
            let mut bytes = golden.bytes.clone();
            reserved.iter().for_each(|&at| bytes[at] = value);
            let (inspected_here, before_here, after_here, left_here) = seen(kind, &bytes);
            assert_eq!((inspected_here, before_here), (inspected.clone(), before));
            assert_eq!(after_here, after);
            assert!(reserved.iter().all(|&at| left_here[at] == value), "somebody wrote there");
            assert_eq!(left_here[layout(kind).chain..], left[layout(kind).chain..]);
        }
    }
}

/// Bytes that were reserved when version 1 came, and what they mean by now: times since boot.
const LATER: [Range<usize>; 2] = [104..128, 440..448];

#[test]
fn what_a_predecessor_left_in_those_that_have_a_meaning_by_now_is_not_taken_for_the_owners() {
    for kind in KINDS {
        let (golden, layout) = (used(kind), layout(kind));
        let (inspected, before, after, _) = seen(kind, &golden.bytes);
        for value in [1, 0x80, 0xff] {
            let mut bytes = golden.bytes.clone();
            for slot in 0..layout.slot_count {
                LATER.into_iter().flatten().for_each(|at| bytes[layout.slot(slot) + at] = value);
            }
            let (inspected_here, before_here, after_here, _) = seen(kind, &bytes);
            assert_eq!((inspected_here, before_here, after_here), (inspected.clone(), before, after));
        }
    }
}

#[test]
fn each_alone_is_ignored() {
    for kind in KINDS {
        let (golden, layout) = (used(kind), layout(kind));
        let (inspected, before, after, _) = seen(kind, &golden.bytes);
        // The slots are alike: those of the consumer, of two producers and of the last one.
        let of_those = |at: &&usize| {
            **at < layout.slot(3.min(layout.slot_count)) || **at >= layout.slot(layout.slot_count - 1)
        };
        let mut bytes = golden.bytes.clone();
        for &at in reserved(&layout).iter().filter(of_those).step_by(7) {
            bytes[at] = 0xff;
            let (inspected_here, before_here, after_here, _) = seen(kind, &bytes);
            assert_eq!(
                (inspected_here, before_here, after_here),
                (inspected.clone(), before, after),
                "byte {at:#x}"
            );
            bytes[at] = 0;
        }
    }
}
