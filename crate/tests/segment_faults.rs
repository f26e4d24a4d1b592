//! Every system call of every call fails, one at a time and for good, in each way that the kernel may
//! answer: there is a right answer or an error that says what to do, and nothing is left behind.

mod faults;
mod segment_support;
mod skipping;

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};

use faults::{Fault, Faults, KINDS};
use segment_support::Place;
use shmring::attached::{Consumer, EndWhen, Producer, Recovered, Ring};
use shmring::error::{Code, Detail, Error, Result};
use shmring::layout::{Layout, Lifetime, locks};
use shmring::segment::{Access, CreateOptions, OpenOptions, Segment, list, unlink};

/// What this process has of the rings in a place.
#[derive(Debug, PartialEq, Eq)]
struct Holdings {
    descriptors: usize,
    mappings: usize,
    /// Each file and the locked bytes of it.
    files: BTreeMap<String, Vec<usize>>,
}

fn holdings(place: &Place, layout: &Layout) -> Holdings {
    let entries = std::fs::read_dir(&place.0).unwrap().map(|entry| entry.unwrap());
    let bytes = (0..layout.slot_count).map(|slot| layout.slot(slot)).chain([locks::ATTACHED, locks::REMOVAL]);
    let bytes: Vec<_> = bytes.collect();
    let files = entries.map(|entry| {
        let file = File::open(entry.path()).unwrap();
        let locked = bytes.iter().copied().filter(|&at| is_locked(&file, at)).collect();
        (entry.file_name().into_string().unwrap(), locked)
    });
    let files = files.collect();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let directory = place.0.to_str().unwrap();
    Holdings {
        descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        mappings: maps.lines().filter(|line| line.contains(directory)).count(),
        files,
    }
}

/// Asks through a description of its own. Not /proc/locks, which is no snapshot: others' locks that
/// come and go hide ours.
fn is_locked(file: &File, at: usize) -> bool {
    // SAFETY: a plain struct of integers, for which zero is a value.
    let mut request: libc::flock = unsafe { std::mem::zeroed() };
    request.l_type = libc::F_WRLCK as libc::c_short;
    request.l_start = at as libc::off_t;
    request.l_len = 1;
    // SAFETY: the kernel reads and writes the struct, which is alive.
    assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut request) }, 0);
    request.l_type != libc::F_UNLCK as libc::c_short
}

/// One test at a time: they count what the whole process has.
static ALONE: Mutex<()> = Mutex::new(());

type Made = Box<dyn Any>;
type Operation<'a> = (&'a str, Box<dyn Fn() -> Result<Made> + 'a>);

/// One call of each kind, and what it makes. Whatever succeeds leaves what it found, once what it made
/// is dropped and [`tidy`] was called.
fn operations<'a>(place: &'a Place, ring: &'a Ring) -> Vec<Operation<'a>> {
    let attached = CreateOptions { lifetime: Some(Lifetime::Attached), ..place.small() };
    let larger = CreateOptions { capacity: Some(8192), ..place.small() };
    let inspect = OpenOptions { access: Access::Inspect, ..place.here() };
    let segment: &Arc<Segment> = ring.segment();
    fn made<T: 'static>(value: T) -> Made {
        Box::new(value)
    }
    fn is<T: PartialEq + std::fmt::Debug>(expected: T) -> impl Fn(T) -> Made {
        move |found| {
            assert_eq!(found, expected);
            Box::new(())
        }
    }
    let attach = |segment: Result<Segment>| segment.and_then(Ring::attach).map(made);
    vec![
        ("create", Box::new(move || attach(Segment::create("new", &place.small())))),
        ("create attached", {
            let attached = attached.clone();
            Box::new(move || attach(Segment::create("new", &attached)))
        }),
        ("create what is there", {
            Box::new(|| match Segment::create("kept", &place.small()) {
                Err(error) if error.code == Code::Exists => Ok(made(())),
                other => other.map(|_| panic!("created anew")),
            })
        }),
        ("create what its dead owners left", {
            let attached = attached.clone();
            Box::new(move || attach(Segment::create("abandoned", &attached)))
        }),
        ("open", Box::new(move || attach(place.open("kept")))),
        ("open attached", Box::new(move || attach(place.open("shared")))),
        ("inspect", Box::new(move || attach(Segment::open("kept", &inspect)))),
        ("open or create what is there", {
            Box::new(move || attach(Segment::open_or_create("kept", &place.small())))
        }),
        ("open or create anew", Box::new(move || attach(Segment::open_or_create("new", &place.small())))),
        ("open or create otherwise", {
            Box::new(move || match Segment::open_or_create("kept", &larger) {
                Err(error) if error.code == Code::Mismatch => Ok(made(())),
                other => other.map(|_| panic!("accepted")),
            })
        }),
        ("temporary", Box::new(move || attach(Segment::temporary(&place.small())))),
        ("unlink", Box::new(|| unlink("victim", Some(&place.0)).map(is(true)))),
        ("unlink of nothing", { Box::new(|| unlink("nothing", Some(&place.0)).map(is(false))) }),
        ("list", Box::new(|| list(Some(&place.0)).map(|found| is(4)(found.len())))),
        ("producer", Box::new(|| Producer::attach(segment, "p").map(made))),
        ("consumer", Box::new(|| Consumer::attach(segment, "c", EndWhen::Sealed).map(made))),
        ("stats", Box::new(|| ring.stats().map(made))),
        ("owners", Box::new(|| ring.owners().map(|found| is(0)(found.len())))),
        ("recover", Box::new(|| ring.recover().map(is(Recovered::default())))),
        ("probe", Box::new(|| ring.is_consumer_alive().map(is(false)))),
    ]
}

/// Puts back what an operation may remove.
fn tidy(place: &Place, abandoned: &[u8]) {
    if !place.file("victim").exists() {
        drop(Segment::create("victim", &place.small()).unwrap());
    }
    if !place.file("abandoned").exists() {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(place.file("abandoned"), abandoned).unwrap();
        std::fs::set_permissions(place.file("abandoned"), PermissionsExt::from_mode(0o600)).unwrap();
    }
}

/// An error that a person can act on.
fn check(error: &Error, case: &str) {
    assert!(error.message.len() > 40, "{case}: {error}");
    // What we may not open, or somebody else is about to replace, is not ours to replace.
    let not_ours = |errno: i32| case.ends_with(&format!("{errno})"));
    if case.starts_with("create what its")
        && error.code == Code::Exists
        && [libc::EACCES, libc::EROFS, libc::EAGAIN].into_iter().any(not_ours)
    {
        return;
    }
    let expected = [
        Code::System,
        Code::Permission,
        Code::Unsupported,
        Code::NoSpace,
        Code::Busy,
        // What cannot be filled or read to its end.
        Code::Corrupt,
    ];
    assert!(expected.contains(&error.code), "{case}: {error}");
    if error.code == Code::System {
        let named = |name| error.details.iter().any(|(detail, _)| *detail == name);
        assert!(named("errno") && named("syscall"), "{case}: {error}");
    }
}

#[test]
fn a_system_call_that_fails_is_an_error_that_leaves_nothing_behind() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = Place::new();
    let tried = Faults::supervise(|faults| {
        let attached = CreateOptions { lifetime: Some(Lifetime::Attached), ..place.small() };
        let ring = Ring::attach(Segment::create("kept", &place.small()).unwrap()).unwrap();
        let shared = Segment::create("shared", &attached).unwrap();
        // A copy made by hand: nobody is attached to it.
        let abandoned = std::fs::read(place.file("shared")).unwrap();

        let mut tried = 0;
        for (name, operation) in operations(&place, &ring) {
            tidy(&place, &abandoned);
            let (result, calls) = faults.with(Fault::Nothing, &operation);
            drop(result.unwrap_or_else(|error| panic!("{name}: {error}")));
            let _ = std::fs::remove_file(place.file("new"));
            let once = calls.iter().enumerate().flat_map(|(number, kind)| {
                kind.once.iter().map(move |&errno| (kind.name, Fault::Once(number, errno)))
            });
            let always = KINDS.iter().filter(|kind| calls.contains(kind)).flat_map(|kind| {
                kind.always.iter().map(move |&errno| (kind.name, Fault::Always(*kind, errno)))
            });
            for (call, fault) in once.chain(always) {
                tidy(&place, &abandoned);
                let before = holdings(&place, ring.layout());
                let (result, _) = faults.with(fault, &operation);
                faults.with(Fault::Nothing, || {});
                let case = format!("{name}, {call}, {fault:?}");
                match result {
                    Ok(made) => {
                        drop(made);
                        let _ = std::fs::remove_file(place.file("new"));
                    }
                    Err(error) => {
                        check(&error, &case);
                        assert!(place.file("victim").exists(), "{case}");
                    }
                }
                tidy(&place, &abandoned);
                assert_eq!(holdings(&place, ring.layout()), before, "{case}");
                tried += 1;
            }
        }
        drop(shared);
        tried
    });
    match tried {
        Ok(tried) => println!("{tried} failures"),
        Err(error) => skipping::skip("seccomp-listener", error),
    }
}

#[test]
fn without_locks_that_others_see_a_ring_is_unsupported() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = Place::new();
    let done = Faults::supervise(|faults| {
        let ring = Ring::attach(Segment::create("x", &place.small()).unwrap()).unwrap();
        let lock = KINDS.iter().find(|kind| kind.name == "lock").unwrap();
        for (errno, code) in [
            (libc::EINVAL, Code::Unsupported),
            (libc::ENOSYS, Code::Unsupported),
            (libc::ENOLCK, Code::System),
        ] {
            let attached = CreateOptions { lifetime: Some(Lifetime::Attached), ..place.small() };
            let (errors, _) = faults.with(Fault::Always(*lock, errno), || {
                [
                    Producer::attach(ring.segment(), "").map(drop),
                    Consumer::attach(ring.segment(), "", EndWhen::Sealed).map(drop),
                    Segment::create("y", &attached).map(drop),
                    Segment::temporary(&place.small()).map(drop),
                ]
            });
            for error in errors.map(|result| result.unwrap_err()) {
                assert_eq!(error.code, code, "{error}");
                assert!(error.message.contains("lock"), "{error}");
                assert!(error.details.contains(&("errno", Detail::from(errno as u32))), "{error}");
            }
        }
        assert!(ring.owners().unwrap().is_empty());
        assert_eq!(list(Some(&place.0)).unwrap().len(), 1);
    });
    if let Err(error) = done {
        skipping::skip("seccomp-listener", error);
    }
}
