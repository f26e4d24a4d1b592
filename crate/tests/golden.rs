//! Segments of layout version 1 as they have to be, byte for byte: what this build writes is in
//! test/golden, and what is there it reads. The tests of the package hold every runtime to the same files.
//!
//! `SHMRING_GOLDEN_MAKE=FOLDER cargo test --test golden` writes what it finds to that folder besides, for
//! the goldens of a new version; those of an old one are never edited.
#![cfg(target_endian = "little")]

mod golden_support;
mod segment_support;

use golden_support::fields::{self, Field};
use golden_support::steps::{World, letters};
use golden_support::text::{self, Golden};
use golden_support::{KINDS, history, layout, read};
use shmring::attached::{Inspected, Stats};
use shmring::layout::{GRANULE, Kind, Layout, VERSION, control, header, slot};
use shmring::record::span;

const WRITTEN: &str = "written";
const USED: &str = "used";
/// What such a segment is like when it was read to its end, used again and sealed.
const AGAIN: &str = "again";

#[test]
fn a_history_leaves_the_golden_segment_byte_for_byte() {
    for kind in KINDS {
        let mut world = World::new(kind);
        world.run(&history(kind.name()), Some(WRITTEN));
        assert_golden(kind, WRITTEN, &world, &world.bytes());
    }
}

#[test]
fn with_what_has_no_public_call_it_leaves_the_other_golden_segment() {
    for kind in KINDS {
        let mut world = World::new(kind);
        world.run(&history(kind.name()), None);
        let mut bytes = world.bytes();
        pin(&layout(kind), &mut bytes);
        assert_golden(kind, USED, &world, &bytes);
    }
}

/// What a ring is like by now, and its `bytes`, are the golden of that name.
fn assert_golden(kind: Kind, what: &str, world: &World, bytes: &[u8]) {
    let (layout, contents, stats) = (layout(kind), contents(world), stats(world));
    let title = format!("The {} ring that its history leaves at \"snapshot {what}\".", kind.name());
    if let Ok(folder) = std::env::var("SHMRING_GOLDEN_MAKE") {
        let text = text::make(&title, &layout, bytes, what != USED, &contents, &stats);
        std::fs::write(format!("{folder}/{}.{what}.txt", kind.name()), text).unwrap();
    }
    let mut golden = text::parse(&read(kind, what));
    assert_eq!((&contents, &stats), (&golden.contents, &golden.stats));
    for field in varying(kind) {
        golden.any[field.at..field.at + field.bytes].fill(true);
    }
    golden.assert_matches(bytes);
    assert_tail(bytes, &layout, &contents);
}

/// The tail stands at one of what lies in the ring, or behind all of it; an `spsc` ring's there alone.
fn assert_tail(bytes: &[u8], layout: &Layout, contents: &[String]) {
    let at = layout.control + control::TAIL;
    let tail = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let place = |line: &String| -> (u64, u64) {
        let number = |index| line.split(' ').nth(index).unwrap().parse().unwrap();
        (number(1), number(3))
    };
    let places: Vec<(u64, u64)> = contents.iter().map(place).collect();
    let Some(&(last, length)) = places.last() else { return };
    let end = match layout.kind {
        Kind::Spsc => last + span(length as usize) as u64,
        Kind::Mpsc => last + (span(length as usize) as u64).next_multiple_of(GRANULE as u64),
    };
    let passed = layout.kind == Kind::Mpsc && places.iter().any(|(position, _)| *position == tail);
    assert!(passed || tail == end, "the tail {tail}, the end {end}");
}

/// The fields that a golden does not say, or says for its own ring alone.
fn varying(kind: Kind) -> Vec<Field> {
    let all = fields::of_header().into_iter().chain(fields::of_words(&layout(kind)));
    all.filter(|field| field.varies).collect()
}

#[test]
fn a_golden_segment_is_opened_read_to_its_end_and_used_again() {
    for kind in KINDS {
        let golden = text::parse(&read(kind, USED));
        let mut world = World::of(&golden.bytes);
        assert_eq!(world.segment().id(), "000102030405060708090a0b0c0d0e0f");
        assert_eq!(world.segment().created(), CREATED);
        assert_eq!(contents(&world), golden.contents);
        assert_eq!(stats(&world), golden.stats);
        world.expect(payloads(&golden));
        world.run(&history(AGAIN), None);
        let Stats { written, read, abandoned, records_waiting, .. } = world.stats();
        let holes = golden.contents.iter().filter(|line| line.starts_with("abandoned")).count() as u64;
        assert_eq!((read, records_waiting, abandoned), (written, 0, holes));
        assert_golden(kind, AGAIN, &world, &world.bytes());
    }
}

/// The payloads of the records in a golden segment.
fn payloads(golden: &Golden) -> Vec<Vec<u8>> {
    let records = golden.contents.iter().filter(|line| line.starts_with("committed"));
    records.map(|line| line.split('"').nth(1).unwrap().as_bytes().to_vec()).collect()
}

/// What lies in a ring, as a golden says it.
fn contents(world: &World) -> Vec<String> {
    let line = |seen: Inspected| {
        let Inspected { position, state, slot, byte_length, .. } = seen;
        let place = format!("{} {position} {slot} {byte_length}", state.name());
        match seen.bytes {
            Some(bytes) => format!("{place} \"{}\"", String::from_utf8(bytes).unwrap()),
            None => place,
        }
    };
    world.inspect().into_iter().map(line).collect()
}

fn stats(world: &World) -> String {
    let Stats { written, read, records_waiting, bytes_waiting, abandoned, aborted, full, .. } = world.stats();
    format!(
        "written {written} read {read} recordsWaiting {records_waiting} bytesWaiting {bytes_waiting} \
         abandoned {abandoned} aborted {aborted} full {full}"
    )
}

const CREATED: u64 = 1_700_000_000_000;

/// Puts fixed numbers where each ring and each process has others.
fn pin(layout: &Layout, bytes: &mut [u8]) {
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(header::ID, &std::array::from_fn::<u8, 16, _>(|index| index as u8));
    put(header::CREATED, &CREATED.to_le_bytes());
    for index in 0..layout.slot_count {
        let at = layout.slot(index);
        for (offset, length, value) in [
            (slot::PID, 4, 4000 + u64::from(index)),
            (slot::STARTED, 8, 5000 + u64::from(index)),
            (slot::SINCE, 8, CREATED + 1000 + u64::from(index)),
            (slot::CLAIM_SINCE, 8, CREATED + 2000 + u64::from(index)),
        ] {
            let place = at + offset..at + offset + length;
            // What nobody has ever written stays zero.
            if bytes[place.clone()].iter().any(|&byte| byte != 0) {
                bytes[place].copy_from_slice(&value.to_le_bytes()[..length]);
            }
        }
    }
    let fold = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let sum = bytes[..header::CHECKSUM].iter().fold(0xcbf2_9ce4_8422_2325, fold);
    bytes[header::CHECKSUM..header::BYTES].copy_from_slice(&sum.to_le_bytes());
}

#[test]
fn the_goldens_hold_what_can_be_in_a_ring() {
    assert_eq!(VERSION, 1, "a new version has a folder of its own");
    for kind in KINDS {
        let golden = text::parse(&read(kind, USED));
        let seen = |what: &str| golden.contents.iter().any(|line| line.starts_with(what));
        assert!(seen("committed") && seen("padding") && !seen("damaged") && !seen("reserved"));
        assert_eq!(seen("abandoned"), kind == Kind::Mpsc);
        let lengths: Vec<usize> = payloads(&golden).iter().map(Vec::len).collect();
        assert!([0, 1, 7, 8, 56, 64].iter().all(|length| lengths.contains(length)), "{lengths:?}");
        let first: u64 = golden.contents[0].split(' ').nth(1).unwrap().parse().unwrap();
        assert!(first >= kind.min_capacity(), "the ring has gone round");
        assert!(read(kind, USED).contains("tag 48879"));
        let written = text::parse(&read(kind, WRITTEN));
        let varying = varying(kind);
        let is_field =
            |at: usize| varying.iter().any(|field| (field.at..field.at + field.bytes).contains(&at));
        assert!(
            (0..written.any.len()).all(|at| !written.any[at] || is_field(at)),
            "only what must vary does"
        );
    }
}

#[test]
fn letters_follow_each_other() {
    assert_eq!(letters(25, 3), b"zab");
}
