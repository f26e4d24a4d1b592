//! Random positions: where arithmetic on them goes wrong, if it does.

use std::ops::Range;

use proptest::prelude::*;

/// Numbers at which somebody's integer ends.
const EDGES: [u64; 5] = [0, 1 << 31, 1 << 32, 1 << 53, 1 << 62];

/// Multiples of 8 around the edges, up to `reach` bytes away, and anywhere up to 2^62.
pub fn positions(reach: u64) -> impl Strategy<Value = u64> {
    let around: Range<u64> = 0..2 * reach / 8;
    let near = (prop::sample::select(&EDGES[..]), around)
        .prop_map(move |(edge, units)| (edge + 8 * units).saturating_sub(reach).min(1 << 62));
    prop_oneof![4 => near, 1 => (0..=1_u64 << 59).prop_map(|units| 8 * units)]
}

/// As many cases as `PROPTEST_CASES` asks for, and no fewer than `cases`.
pub fn at_least(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(cases), ..config }
}
