//! Prints how far apart the first two allowed cores are, as JSON; `null` when there is one core.

use shmring_bench::probe::cache_line_round_trip;

fn main() {
    match cache_line_round_trip() {
        Some(probe) => println!(
            "{{\"cpus\":[{},{}],\"nanoseconds\":{:.1}}}",
            probe.cpus.0, probe.cpus.1, probe.nanoseconds
        ),
        None => println!("null"),
    }
}
