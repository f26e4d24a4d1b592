//! Limits of a process at which the kernel has no memory for a mapping: the error names the one that
//! was met.

mod segment_support;

use segment_support::{Child, Place, listen, role, say};
use shmring::error::{Code, Error};
use shmring::segment::{CreateOptions, Segment};

const NAME: &str = "x";
/// Bytes of addresses that a process is left with: less than the mapping takes.
const LEFT: u64 = 8 << 20;

fn here(capacity: u64) -> CreateOptions {
    let kind = Some(shmring::layout::Kind::Spsc);
    CreateOptions { kind, capacity: Some(capacity), ..Default::default() }
}

fn told(error: &Error) {
    assert_eq!(error.code, Code::System, "{error}");
    say(format!("{} {}", error.message.contains("ulimit -v"), error.message.contains("max_map_count")));
    say(error);
}

#[test]
fn child_role() {
    let Some(role) = role() else { return };
    match role.as_str() {
        "addresses" => {
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
            let used = 4096 * pages.split(' ').next().unwrap().parse::<u64>().unwrap();
            let limit = libc::rlimit { rlim_cur: used + LEFT, rlim_max: used + LEFT };
            // SAFETY: a struct that is alive.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
            told(&Segment::open(NAME, &Default::default()).and_then(|segment| segment.map()).unwrap_err());
        }
        "mappings" => {
            let segment = Segment::create("small", &here(4096)).unwrap();
            drop(segment.map().unwrap());
            let mut protection = libc::PROT_READ;
            // Neighbours that differ are not made one.
            loop {
                let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
                // SAFETY: new pages, which nobody uses.
                if unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0) }
                    == libc::MAP_FAILED
                {
                    break;
                }
                protection ^= libc::PROT_WRITE;
            }
            told(&segment.map().map(drop).unwrap_err());
            assert!(segment.unlink().unwrap());
        }
        other => panic!("no role {other}"),
    }
    listen();
}

fn play(role: &str, prepare: impl Fn(&Place)) -> (String, String) {
    let place = Place::new();
    prepare(&place);
    let mut child = Child::start(role, &place.0);
    let heard = (child.hear(), child.hear());
    child.end();
    heard
}

#[test]
fn a_mapping_beyond_ulimit_v_is_not_blamed_on_the_count_of_mappings() {
    let (which, said) = play("addresses", |place| {
        let made = Segment::create(NAME, &CreateOptions { capacity: Some(2 * LEFT), ..place.small() });
        drop(made.unwrap());
    });
    assert_eq!(which, "true false", "{said}");
}

#[test]
fn too_many_mappings_are_called_so() {
    let (which, said) = play("mappings", |_| ());
    assert_eq!(which, "false true", "{said}");
}
