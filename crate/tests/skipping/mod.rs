//! What a test says when the machine refuses something it needs. libtest cannot skip at run time: it
//! counts such a test as passed, and whoever runs the suite takes it off again (scripts/test/skips.mjs).

use std::fmt::Display;
use std::io::Write as _;

/// Names the file that gathers skips, a line each.
const SKIPS_FILE: &str = "SHMRING_TEST_SKIPS";

/// Notes that the running test was not tried. `cause`: what is refused here, in short, as
/// `test/known-skips.json` lists it. Call it once a test, and return.
pub fn skip(cause: &str, detail: impl Display) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("{cause}\tcargo test\t{test}\t{detail}\n");
    eprintln!("skipped: {test}: {cause}: {detail}");
    if let Some(file) = std::env::var_os(SKIPS_FILE) {
        let mut file = std::fs::File::options().create(true).append(true).open(file).unwrap();
        // One write, so that lines of tests that run at the same time do not mix.
        file.write_all(line.as_bytes()).unwrap();
    }
}
