//! One round of an experiment with a ring's layout: each variant beside the yardstick, in turn, a probe
//! before and after each. Printed as JSON.
//!
//! ```text
//! layouts EXPERIMENT [--millis N] [--pin CPU,CPU]     one round; what each run is timed for
//! layouts --list                                      the experiments
//! ```

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use pico_args::Arguments;
use shmring_bench::experiments::cases::{Case, EXPERIMENTS, Figure};
use shmring_bench::pace::cpu_pair;
use shmring_bench::probe::cache_line_round_trip;

fn probe() -> String {
    cache_line_round_trip().map_or("null".into(), |probe| format!("{:.1}", probe.nanoseconds))
}

fn row(case: &Case, figure: Figure, before: &str, after: &str) -> String {
    let Case { group, variant, run, .. } = case;
    let (size, producers, Figure { nanoseconds, tail }) = (run.size, run.producers, figure);
    // Nothing at all came while it was timed: one side had no CPU.
    let nanoseconds = if nanoseconds.is_finite() { format!("{nanoseconds:.2}") } else { "null".into() };
    let tail = tail.map_or("null".into(), |tail| format!("{tail:.0}"));
    format!(
        "{{\"group\":\"{group}\",\"variant\":\"{variant}\",\"size\":{size},\"producers\":{producers},\
         \"probes\":[{before},{after}],\"nanoseconds\":{nanoseconds},\"tail\":{tail}}}"
    )
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::from_env();
    if arguments.contains("--list") {
        let names: Vec<String> = EXPERIMENTS.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        println!("[{}]", names.join(","));
        return Ok(());
    }
    let timed = Duration::from_millis(arguments.opt_value_from_str("--millis")?.unwrap_or(30));
    let pin = arguments.opt_value_from_fn("--pin", cpu_pair)?;
    let name: String = arguments.free_from_str()?;
    let (_, cases) = EXPERIMENTS.iter().find(|(known, _)| *known == name).ok_or("no such experiment")?;
    let mut rows = Vec::new();
    let mut before = probe();
    for mut case in cases() {
        (case.run.timed, case.run.warm_up) = (timed, timed / 2);
        // So that a run under a real-time policy never uses up what the kernel allows such.
        sleep(timed / 3);
        // With more processes than two CPUs the scheduler decides.
        case.run.pin = pin.filter(|_| case.run.producers == 1);
        let figure = (case.measure)(&case.run)
            .map_err(|error| format!("{}, {}, {} B: {error}", case.group, case.variant, case.run.size))?;
        let after = probe();
        rows.push(row(&case, figure, &before, &after));
        before = after;
    }
    println!("[{}]", rows.join(",\n"));
    Ok(())
}
