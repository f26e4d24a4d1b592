//! Peers who do to the file of a ring what no peer should, while others use it: those attached go on,
//! newcomers get a right answer, and nothing is ever done to what a symlink leads to.
//!
//! Not tried: a peer that truncates the file under use. The others die of SIGBUS then; it is the
//! boundary of trust that the README names. A file truncated before it is opened is in bad_file.rs.

mod segment_support;

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use segment_support::{Child, Place, code, listen, role, say};
use shmring::attached::{Consumer, EndWhen, Producer};
use shmring::error::{Code, Result};
use shmring::ring::spsc::Payload;
use shmring::segment::{Access, CreateOptions, OpenOptions, Segment, list, unlink};

const NAME: &str = "x";

/// A ring whose two ends are attached.
struct Used {
    place: Place,
    segment: Arc<Segment>,
    producer: Producer,
    consumer: Consumer,
}

impl Used {
    fn new() -> Used {
        let place = Place::new();
        let segment = Arc::new(Segment::create(NAME, &place.small()).unwrap());
        let producer = Producer::attach(&segment, "").unwrap();
        let consumer = Consumer::attach(&segment, "", EndWhen::Sealed).unwrap();
        let mut used = Used { place, segment, producer, consumer };
        used.write();
        used
    }

    fn file(&self) -> PathBuf {
        self.place.file(NAME)
    }

    fn write(&mut self) {
        // SAFETY: the payload is a constant.
        assert!(unsafe { self.producer.ring().try_write(Payload::of(b"record")) }.unwrap());
    }

    /// Those attached write and read another lap, and can still take their places anew.
    fn go_on(&mut self) {
        let mut ranges = [0; 2];
        for _ in 0..300 {
            self.write();
            assert_eq!(self.consumer.ring().peek(&mut ranges, 1, true).unwrap().count, 1);
            self.consumer.ring().release(&ranges, 1).unwrap();
        }
        self.producer.close();
        self.consumer.close();
        self.producer = Producer::attach(&self.segment, "").unwrap();
        self.consumer = Consumer::attach(&self.segment, "", EndWhen::Sealed).unwrap();
        self.write();
        assert_eq!(self.consumer.ring().peek(&mut ranges, 1, true).unwrap().count, 1);
    }
}

#[test]
fn a_peer_that_grows_the_file_stops_newcomers_and_nobody_else() {
    let mut used = Used::new();
    let length = used.segment.layout().size as u64;
    File::options().write(true).open(used.file()).unwrap().set_len(2 * length).unwrap();
    assert_eq!(code(used.place.open(NAME)), Code::Corrupt);
    assert!(!used.segment.is_stale());
    used.go_on();
    assert!(used.segment.unlink().unwrap());
    used.go_on();
}

#[test]
fn a_peer_that_changes_the_mode_or_adds_a_name_stops_newcomers_and_nobody_else() {
    let mut used = Used::new();
    for mode in [0o666, 0o400] {
        fs::set_permissions(used.file(), Permissions::from_mode(mode)).unwrap();
        assert_eq!(code(used.place.open(NAME)), Code::Permission);
        // Taking a place anew opens the file once more, which only root may do with every mode.
        fs::set_permissions(used.file(), Permissions::from_mode(0o600)).unwrap();
        used.go_on();
    }
    fs::hard_link(used.file(), used.place.file("other")).unwrap();
    assert_eq!(code(used.place.open(NAME)), Code::Permission);
    used.go_on();
    assert!(used.segment.unlink().unwrap(), "its own name, and only that");
    assert!(used.place.file("other").exists());
}

#[test]
fn a_peer_that_removes_or_renames_the_file_makes_it_stale_for_those_attached() {
    for rename in [false, true] {
        let mut used = Used::new();
        let moved = used.place.file("moved");
        if rename {
            fs::rename(used.file(), &moved).unwrap();
        } else {
            fs::remove_file(used.file()).unwrap();
        }
        assert!(used.segment.is_stale());
        assert_eq!(code(used.place.open(NAME)), Code::NotFound);
        assert!(!used.segment.unlink().unwrap());
        assert_eq!(moved.exists(), rename);
        used.go_on();
    }
}

#[test]
fn a_peer_that_puts_something_else_in_its_place_makes_it_stale_and_loses_nothing() {
    let target = Used::new();
    type Case<'a> = (&'a str, &'a dyn Fn(&Path), Option<Code>);
    let cases: [Case; 6] = [
        ("another ring", &|_| {}, None),
        ("a symlink to another ring", &|file| symlink(target.file(), file).unwrap(), Some(Code::Corrupt)),
        ("a symlink to nowhere", &|file| symlink("/nowhere/at/all", file).unwrap(), Some(Code::Corrupt)),
        ("a directory", &|file| fs::create_dir(file).unwrap(), Some(Code::Corrupt)),
        ("a FIFO", &|file| fifo(file), Some(Code::Corrupt)),
        ("a text", &|file| fs::write(file, "precious").unwrap(), Some(Code::Corrupt)),
    ];
    for (what, put, expected) in cases {
        let mut used = Used::new();
        fs::remove_file(used.file()).unwrap();
        put(&used.file());
        match expected {
            Some(expected) => assert_eq!(code(used.place.open(NAME)), expected, "{what}"),
            None => {
                let other = Segment::create(NAME, &used.place.small()).unwrap();
                assert_ne!(other.id(), used.segment.id());
            }
        }
        let before = fs::symlink_metadata(used.file()).unwrap().ino();
        assert!(used.segment.is_stale(), "{what}");
        assert!(!used.segment.unlink().unwrap(), "{what} is not this segment's to remove");
        used.go_on();
        assert_eq!(fs::symlink_metadata(used.file()).unwrap().ino(), before, "{what}");
    }
    // A symlink that leads to the very segment is none of its names either.
    let mut used = Used::new();
    let moved = used.place.0.join("moved");
    fs::rename(used.file(), &moved).unwrap();
    symlink(&moved, used.file()).unwrap();
    assert!(used.segment.is_stale());
    assert_eq!(code(used.place.open(NAME)), Code::Corrupt);
    assert!(!used.segment.unlink().unwrap());
    assert!(unlink(NAME, Some(&used.place.0)).unwrap());
    assert!(moved.exists());
    used.go_on();
}

#[test]
fn the_last_to_detach_removes_nothing_that_took_the_place_of_its_segment() {
    let place = Place::new();
    let attached = CreateOptions { lifetime: Some(shmring::layout::Lifetime::Attached), ..place.small() };
    for put in [|file: &Path| symlink("/nowhere", file).unwrap(), |file: &Path| fs::create_dir(file).unwrap()]
    {
        let segment = Segment::create(NAME, &attached).unwrap();
        fs::remove_file(place.file(NAME)).unwrap();
        put(&place.file(NAME));
        drop(segment);
        let left = fs::symlink_metadata(place.file(NAME)).expect("it is still there");
        if left.is_dir() { fs::remove_dir(place.file(NAME)) } else { fs::remove_file(place.file(NAME)) }
            .unwrap();
    }
}

fn fifo(path: &Path) {
    let path = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a terminated string that is alive.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
}

/// The child: puts one thing after the other under the name, until it is told to stop.
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    let directory = PathBuf::from(std::env::var("SHMRING_DIR").unwrap());
    let (mine, victims) = (directory.join("mine"), PathBuf::from(role));
    let file = directory.join(format!("shmring.{NAME}"));
    fs::create_dir(&mine).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    std::thread::spawn(move || {
        listen();
        told.store(true, Ordering::Relaxed);
    });
    say("ready");
    let options = CreateOptions {
        directory: Some(mine.clone()),
        kind: Some(shmring::layout::Kind::Spsc),
        capacity: Some(4096),
        ..Default::default()
    };
    let (prepared, ring) = (mine.join("prepared"), mine.join(format!("shmring.{NAME}")));
    for round in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match round % 7 {
            0 | 4 => {
                drop(Segment::create(NAME, &options).unwrap());
                fs::rename(&ring, &prepared).unwrap();
            }
            1 => symlink(victims.join(format!("shmring.{NAME}")), &prepared).unwrap(),
            2 => symlink(victims.join("text"), &prepared).unwrap(),
            3 => symlink(victims.join("nowhere"), &prepared).unwrap(),
            5 => fifo(&prepared),
            _ => {
                // Nothing for a moment, then a directory: neither can replace the other by a rename.
                let _ = fs::remove_file(&file);
                let _ = fs::create_dir(&file);
                let _ = fs::remove_dir(&file);
                continue;
            }
        }
        // Others may have put a ring there, which goes.
        fs::rename(&prepared, &file).unwrap();
    }
    say("done");
}

/// What a call may answer while the name changes all the time.
const ALLOWED: [Code; 5] = [Code::Corrupt, Code::NotFound, Code::Exists, Code::Busy, Code::Mismatch];

#[derive(Default)]
struct Tally {
    fine: u32,
    refused: u32,
}

impl Tally {
    fn count<T>(&mut self, what: &str, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => {
                self.fine += 1;
                Some(value)
            }
            Err(error) => {
                assert!(ALLOWED.contains(&error.code), "{what}: {error}");
                self.refused += 1;
                None
            }
        }
    }
}

#[test]
fn symlinks_swapped_in_between_check_and_use_lead_nobody_to_their_targets() {
    /// At least; and as many as it takes to have met both good and bad.
    const CALLS: u32 = 3000;
    const PATIENCE: Duration = Duration::from_secs(60);
    // Reached by nothing but the symlinks.
    let victims = Place::new();
    let victim = Segment::create(NAME, &victims.small()).unwrap();
    fs::write(victims.0.join("text"), "precious").unwrap();
    let look = || {
        let mut files: Vec<_> = fs::read_dir(&victims.0)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let found = fs::symlink_metadata(&path).unwrap();
                let times = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
                (fs::read(&path).unwrap(), path, found.ino(), found.nlink(), found.mode(), times)
            })
            .collect();
        files.sort();
        files
    };
    let before = look();

    let place = Place::new();
    let mut swapper = Child::start(victims.0.to_str().unwrap(), &place.0);
    assert_eq!(swapper.hear(), "ready");
    let opened = |tally: &mut Tally, what, result: Result<Segment>| {
        if let Some(segment) = tally.count(what, result) {
            assert_ne!(segment.id(), victim.id(), "{what} followed a symlink");
            assert_eq!(segment.layout().capacity, 4096);
            assert_eq!(segment.map().unwrap().length(), segment.layout().size);
        }
    };
    let inspect = OpenOptions { access: Access::Inspect, ..place.here() };
    type Call<'a> = (&'a str, &'a (dyn Fn(&mut Tally) + Sync));
    let calls: [Call; 6] = [
        ("open", &|tally| opened(tally, "open", place.open(NAME))),
        ("inspect", &|tally| opened(tally, "inspect", Segment::open(NAME, &inspect))),
        ("openOrCreate", &|tally| {
            opened(tally, "openOrCreate", Segment::open_or_create(NAME, &place.small()))
        }),
        ("create", &|tally| opened(tally, "create", Segment::create(NAME, &place.small()))),
        ("unlink", &|tally| {
            tally.count("unlink", unlink(NAME, Some(&place.0)));
        }),
        ("list", &|tally| {
            for info in tally.count("list", list(Some(&place.0))).into_iter().flatten() {
                assert_ne!(info.id, victim.id(), "the list followed a symlink");
            }
        }),
    ];
    std::thread::scope(|scope| {
        for (what, call) in calls {
            scope.spawn(move || {
                // `unlink` and `list` cope with everything; the others must have met both.
                let copes = ["unlink", "list"].contains(&what);
                let mut tally = Tally::default();
                let start = Instant::now();
                while tally.fine + tally.refused < CALLS || tally.fine == 0 || (tally.refused == 0 && !copes)
                {
                    call(&mut tally);
                    assert!(
                        start.elapsed() < PATIENCE,
                        "{what}: {} fine, {} refused",
                        tally.fine,
                        tally.refused
                    );
                }
            });
        }
    });
    swapper.tell();
    assert_eq!(swapper.hear(), "done");
    swapper.end();
    assert_eq!(look(), before, "what the symlinks lead to is untouched, and nothing was made there");
    assert!(!victim.is_stale());
}
