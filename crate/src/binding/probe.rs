//! How far apart two cores are, for this repository's own programs.

use napi_derive::napi;

use crate::probe::cache_line_round_trip;

#[napi(object)]
pub struct NativeProbe {
    pub cpus: Vec<u32>,
    pub nanoseconds: f64,
}

/// What a cache line's way between two cores costs.
#[napi]
pub fn probe_cores() -> Option<NativeProbe> {
    cache_line_round_trip().map(|probe| NativeProbe {
        cpus: vec![probe.cpus.0 as u32, probe.cpus.1 as u32],
        nanoseconds: probe.nanoseconds,
    })
}
