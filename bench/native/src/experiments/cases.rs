//! Which variants each experiment compares. The first of each group is what the others are compared with.

use std::io::Result;
use std::time::Duration;

use super::bytes::Bytes;
use super::chain::{BESIDE, Chain, IN_PLACE, PACKED, PADDED};
use super::descriptors::Descriptors;
use super::shapes::*;
use super::sides::{ManyYardstick, Ring, Yardstick};
use super::stamped::{BY_POSITION, BY_ZERO, Stamped};
use super::{Lag, Run, round_trip, throughput};

/// What a run has shown: nanoseconds a record, or a round trip's median and what one in a thousand exceeds.
pub struct Figure {
    pub nanoseconds: f64,
    pub tail: Option<f64>,
}

pub type Measure = fn(&Run) -> Result<Figure>;

/// One variant at one size.
pub struct Case {
    /// Variants of one group, size and number of producers are compared.
    pub group: &'static str,
    pub variant: &'static str,
    pub measure: Measure,
    pub run: Run,
}

type Cases = fn() -> Vec<Case>;
type Variant = (&'static str, Measure);

pub const EXPERIMENTS: &[(&str, Cases)] = &[
    ("alignment", alignment),
    ("headers", headers),
    ("publication", publication),
    ("lag", lag),
    ("counters", counters),
    ("flags", flags),
    ("distance", distance),
    ("conversation", conversation),
    ("granules", granules),
    ("words", words),
    ("contention", contention),
];

/// NB: 10 µs is the yardstick's best lag, see `bin/processes.rs`.
const LAG: Lag = Lag::Always(Duration::from_micros(10));
const LAGS: &str = "lagging";
const POLLS: &str = "polling";

fn stream<R: Ring>(run: &Run) -> Result<Figure> {
    Ok(Figure { nanoseconds: throughput::measure::<R>(run)?, tail: None })
}

fn trips<R: Ring>(run: &Run) -> Result<Figure> {
    let trips = round_trip::measure::<R>(run)?;
    Ok(Figure { nanoseconds: trips.median, tail: Some(trips.tail) })
}

/// Each variant at each size: sizes outside, so that what is compared are neighbours in time.
fn cross(
    group: &'static str,
    lag: Lag,
    producers: &[usize],
    sizes: &[usize],
    variants: &[Variant],
) -> Vec<Case> {
    let mut cases = Vec::new();
    for &producers in producers {
        for &size in sizes {
            for &(variant, measure) in variants {
                let (warm_up, timed) = (Duration::ZERO, Duration::ZERO);
                let run = Run { producers, size, lag, warm_up, timed, pin: None };
                cases.push(Case { group, variant, measure, run });
            }
        }
    }
    cases
}

/// One producer, with a consumer that lags and with one that polls.
fn both(sizes: &[usize], variants: &[Variant]) -> Vec<Case> {
    let mut cases = cross(LAGS, LAG, &[1], sizes, variants);
    cases.extend(cross(POLLS, Lag::NONE, &[1], sizes, variants));
    cases
}

fn alignment() -> Vec<Case> {
    const VARIANTS: &[Variant] = &[
        ("yardstick, 8", stream::<Yardstick>),
        ("16", stream::<Bytes<Aligned<16>>>),
        ("32", stream::<Bytes<Aligned<32>>>),
        ("64", stream::<Bytes<Aligned<64>>>),
        ("128", stream::<Bytes<Aligned<128>>>),
    ];
    both(&[56, 64, 120, 248, 1024], VARIANTS)
}

fn headers() -> Vec<Case> {
    const VARIANTS: &[Variant] = &[
        ("yardstick, before the payload", stream::<Yardstick>),
        ("descriptors, payload packed", stream::<Descriptors<8, true>>),
        ("descriptors, payload at 64", stream::<Descriptors<64, true>>),
    ];
    both(&[56, 64, 120, 248, 1024], VARIANTS)
}

fn publication() -> Vec<Case> {
    const VARIANTS: &[Variant] = &[
        ("yardstick, tail each record", stream::<Yardstick>),
        ("tail every 4", stream::<Bytes<Every<4>>>),
        ("tail every 16", stream::<Bytes<Every<16>>>),
        ("tail every 64", stream::<Bytes<Every<64>>>),
        ("header, by its position", stream::<Stamped<BY_POSITION>>),
        ("header, next one zeroed", stream::<Stamped<BY_ZERO>>),
        ("descriptor, payload packed", stream::<Descriptors<8, false>>),
        ("descriptor, payload at 64", stream::<Descriptors<64, false>>),
        ("tail each, released each", stream::<Bytes<ReleasedEach>>),
    ];
    both(&[64, 1024], VARIANTS)
}

fn lag() -> Vec<Case> {
    const AFTER_BURST: Lag = Lag::AfterBurst(Duration::from_micros(10));
    const STREAM: &[(&str, Lag)] = &[
        ("yardstick, 10 µs", LAG),
        ("0 µs", Lag::NONE),
        ("1 µs", Lag::Always(Duration::from_micros(1))),
        ("3 µs", Lag::Always(Duration::from_micros(3))),
        ("30 µs", Lag::Always(Duration::from_micros(30))),
        ("10 µs after a burst", AFTER_BURST),
    ];
    const CONVERSATION: &[(&str, Lag)] =
        &[("yardstick, no lag", Lag::NONE), ("10 µs", LAG), ("10 µs after a burst", AFTER_BURST)];
    let mut cases = Vec::new();
    for size in [64, 1024] {
        for &(variant, lag) in STREAM {
            cases.extend(cross("stream", lag, &[1], &[size], &[(variant, stream::<Yardstick>)]));
        }
        for &(variant, lag) in CONVERSATION {
            cases.extend(cross("conversation", lag, &[1], &[size], &[(variant, trips::<Yardstick>)]));
        }
    }
    cases
}

fn counters() -> Vec<Case> {
    const VARIANTS: &[Variant] = &[
        ("yardstick, none", stream::<Yardstick>),
        ("count beside the tail", stream::<Bytes<CountBesideTail>>),
        ("ledger beside the tail", stream::<Bytes<LedgerBesideTail>>),
        ("ledger apart", stream::<Bytes<LedgerApart>>),
        ("both ledgers beside", stream::<Bytes<LedgersBeside>>),
        ("both ledgers apart", stream::<Bytes<LedgersApart>>),
        ("ledgers and flags as shipped", stream::<Bytes<Shipped>>),
    ];
    both(&[64, 1024], VARIANTS)
}

fn flags() -> Vec<Case> {
    const VARIANTS: &[Variant] = &[
        ("yardstick, none", stream::<Yardstick>),
        ("two in one line", stream::<Bytes<FlagsTogether>>),
        ("two in two lines", stream::<Bytes<FlagsApart>>),
        ("beside the tail", stream::<Bytes<FlagsBesideTail>>),
        ("beside the head", stream::<Bytes<FlagsBesideHead>>),
        ("beside the consumer's ledger", stream::<Bytes<FlagsBesideLedger>>),
    ];
    both(&[64, 1024], VARIANTS)
}

fn distance() -> Vec<Case> {
    const VARIANTS: &[Variant] = &[
        ("yardstick, 128", stream::<Yardstick>),
        ("the same line", stream::<Bytes<Apart<8>>>),
        ("64", stream::<Bytes<Apart<64>>>),
        ("128", stream::<Bytes<Plain>>),
        ("256", stream::<Bytes<Apart<256>>>),
    ];
    both(&[64, 1024], VARIANTS)
}

fn conversation() -> Vec<Case> {
    const VARIANTS: &[Variant] = &[
        ("yardstick", trips::<Yardstick>),
        ("records at 64", trips::<Bytes<Aligned<64>>>),
        ("header publishes, by its position", trips::<Stamped<BY_POSITION>>),
        ("header publishes, next one zeroed", trips::<Stamped<BY_ZERO>>),
        ("descriptors and a tail", trips::<Descriptors<64, true>>),
        ("descriptor publishes", trips::<Descriptors<64, false>>),
        ("tail and head in one line", trips::<Bytes<Apart<8>>>),
        ("tail and head 64 apart", trips::<Bytes<Apart<64>>>),
        ("tail and head 256 apart", trips::<Bytes<Apart<256>>>),
        ("both ledgers beside", trips::<Bytes<LedgersBeside>>),
        ("both ledgers apart", trips::<Bytes<LedgersApart>>),
        ("flags beside the tail", trips::<Bytes<FlagsBesideTail>>),
        ("flags beside the head", trips::<Bytes<FlagsBesideHead>>),
        ("ledgers and flags as shipped", trips::<Bytes<Shipped>>),
    ];
    cross("conversation", Lag::NONE, &[1], &[56, 64, 1024], VARIANTS)
}

const PRODUCERS: [usize; 3] = [1, 2, 4];
const SIZES: [usize; 4] = [56, 64, 200, 1024];

fn granules() -> Vec<Case> {
    const VARIANTS: &[Variant] = &[
        ("yardstick", stream::<ManyYardstick>),
        ("32", stream::<Chain<32, PACKED>>),
        ("64", stream::<Chain<64, PACKED>>),
        ("128", stream::<Chain<128, PACKED>>),
        ("256", stream::<Chain<256, PACKED>>),
    ];
    cross(LAGS, LAG, &PRODUCERS, &SIZES, VARIANTS)
}

fn words() -> Vec<Case> {
    const VARIANTS: &[Variant] = &[
        ("yardstick", stream::<ManyYardstick>),
        ("packed", stream::<Chain<64, PACKED>>),
        ("a line each", stream::<Chain<64, PADDED>>),
        ("header beside the word", stream::<Chain<64, BESIDE>>),
        ("in place of the header", stream::<Chain<64, IN_PLACE>>),
    ];
    let mut cases = cross(LAGS, LAG, &PRODUCERS, &SIZES, VARIANTS);
    cases.retain(|case| case.run.producers == 1 || case.variant != "in place of the header");
    cases
}

fn contention() -> Vec<Case> {
    const VARIANTS: &[Variant] = &[
        ("yardstick", stream::<ManyYardstick>),
        ("no pause", stream::<Chain<64, PACKED, 0>>),
        ("up to 4 pauses", stream::<Chain<64, PACKED, 4>>),
        ("up to 16 pauses", stream::<Chain<64, PACKED, 16>>),
        ("up to 64 pauses", stream::<Chain<64, PACKED, 64>>),
        ("up to 256 pauses", stream::<Chain<64, PACKED, 256>>),
    ];
    cross(LAGS, LAG, &PRODUCERS, &SIZES, VARIANTS)
}
