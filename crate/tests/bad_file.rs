//! What lies under a ring's name may be anything. Every call says what is wrong with it, changes
//! nothing and waits for nobody; `unlink` is how one gets rid of it.

mod segment_support;

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use segment_support::{Place, code};
use shmring::error::{Code, Error};
use shmring::layout::{PAGE, header};
use shmring::segment::{Access, CreateOptions, OpenOptions, Segment, Share, list, unlink};

const NAME: &str = "x";
/// Whoever is blocked by something is ended by SIGALRM.
const PATIENCE_SECONDS: u32 = 60;

/// What a test must find unchanged: the file itself, not what it leads to.
#[derive(Debug, PartialEq)]
struct Snapshot {
    metadata: [u64; 8],
    bytes: Vec<u8>,
}

fn snapshot(path: &Path) -> Snapshot {
    let found = fs::symlink_metadata(path).unwrap();
    let small = found.is_file() && found.len() < 1 << 20;
    let modified = (found.mtime() as u64, found.mtime_nsec() as u64);
    Snapshot {
        metadata: [
            found.ino(),
            found.mode().into(),
            found.nlink(),
            found.uid().into(),
            found.len(),
            found.blocks(),
            modified.0,
            modified.1,
        ],
        bytes: if small { fs::read(path).unwrap_or_default() } else { Vec::new() },
    }
}

/// Every call but `unlink` refuses what lies under the name and leaves it as it was. One error.
#[track_caller]
fn refused(place: &Place, expected: Code) -> Error {
    // SAFETY: has no memory to touch.
    unsafe { libc::alarm(PATIENCE_SECONDS) };
    let path = place.file(NAME);
    let before = snapshot(&path);
    let inspect = OpenOptions { access: Access::Inspect, ..place.here() };
    let group = OpenOptions { share: Some(Share::Group), ..place.here() };
    let error = place.open(NAME).expect_err("open");
    assert_eq!(error.code, expected, "{error}");
    assert!(error.message.contains(path.to_str().unwrap()), "it names the file: {error}");
    assert_eq!(code(Segment::open(NAME, &inspect)), expected);
    assert_eq!(code(Segment::open(NAME, &group)), expected);
    assert_eq!(code(Segment::open_or_create(NAME, &place.small())), expected);
    assert_eq!(code(Segment::create(NAME, &place.small())), Code::Exists);
    // It sweeps what dead temporary rings have left.
    Segment::temporary(&place.small()).unwrap().close();
    let infos = list(Some(&place.0)).unwrap();
    let listed = infos.iter().find(|info| info.name == NAME).and_then(|info| info.error.as_ref());
    assert!(listed.is_some_and(|listed| listed.contains(expected.name())), "{infos:?}");
    assert_eq!(snapshot(&path), before, "it was left as it was");
    error
}

/// `unlink` removes it, and the name can be used.
#[track_caller]
fn removed(place: &Place) {
    assert!(unlink(NAME, Some(&place.0)).unwrap());
    assert!(fs::symlink_metadata(place.file(NAME)).is_err());
    Segment::create(NAME, &place.small()).unwrap();
}

fn whole() -> Place {
    let place = Place::new();
    drop(Segment::create(NAME, &place.small()).unwrap());
    place
}

fn writable(place: &Place) -> File {
    File::options().read(true).write(true).open(place.file(NAME)).unwrap()
}

#[test]
fn a_file_that_is_empty_or_not_as_long_as_its_header_says_is_corrupt() {
    // The whole of it is 12288 bytes. What is beyond the old end is a hole, up to 2^62 bytes of it.
    for length in [0, 1, 111, 112, 4095, 4096, 8192, 12287, 12289, 16384, 1 << 20, 1 << 40, 1 << 62] {
        let place = whole();
        writable(&place).set_len(length).unwrap();
        let error = refused(&place, Code::Corrupt);
        for name in ["offset", "expected", "found"] {
            assert!(error.details.iter().any(|(detail, _)| *detail == name), "{error:?}");
        }
        removed(&place);
    }
}

#[test]
fn a_file_of_something_else_is_corrupt() {
    for (length, byte) in [(1, 0), (1, b's'), (20_000, 0), (20_000, b'x')] {
        let place = Place::new();
        fs::write(place.file(NAME), vec![byte; length]).unwrap();
        refused(&place, Code::Corrupt);
        removed(&place);
    }
    // A hole of 2^62 bytes and nothing else.
    let place = Place::new();
    File::create(place.file(NAME)).unwrap().set_len(1 << 62).unwrap();
    refused(&place, Code::Corrupt);
    removed(&place);
}

#[test]
fn a_whole_segment_with_holes_is_filled_by_those_who_attach_and_by_nobody_else() {
    let place = whole();
    let file = writable(&place);
    let (length, mut page) = (file.metadata().unwrap().len(), [0; PAGE]);
    file.read_exact_at(&mut page, 0).unwrap();
    file.set_len(0).unwrap();
    file.set_len(length).unwrap();
    file.write_all_at(&page, 0).unwrap();
    let before = snapshot(&place.file(NAME));
    assert!(before.metadata[5] * 512 < length, "it has holes");
    let inspect = OpenOptions { access: Access::Inspect, ..place.here() };
    let error = Segment::open(NAME, &inspect).unwrap_err();
    assert_eq!(error.code, Code::Corrupt);
    assert!(error.message.contains("attach to it once"), "{error}");
    assert_eq!(list(Some(&place.0)).unwrap()[0].error, None);
    assert_eq!(code(Segment::create(NAME, &place.small())), Code::Exists);
    assert_eq!(snapshot(&place.file(NAME)), before);
    place.open(NAME).unwrap();
    assert!(file.metadata().unwrap().blocks() * 512 >= length);
    Segment::open(NAME, &inspect).unwrap();
}

#[test]
fn a_directory_is_corrupt_and_stays() {
    for full in [false, true] {
        let place = Place::new();
        fs::create_dir(place.file(NAME)).unwrap();
        if full {
            fs::write(place.file(NAME).join("precious"), "").unwrap();
        }
        refused(&place, Code::Corrupt);
        assert_eq!(code(unlink(NAME, Some(&place.0))), Code::Corrupt);
        assert_eq!(fs::read_dir(place.file(NAME)).unwrap().count(), usize::from(full));
    }
}

#[test]
fn a_fifo_or_socket_is_corrupt_and_blocks_nobody() {
    let place = Place::new();
    let path = CString::new(place.file(NAME).to_str().unwrap()).unwrap();
    // SAFETY: a terminated string that is alive.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let error = refused(&place, Code::Corrupt);
    assert!(error.message.contains("FIFO"), "{error}");
    removed(&place);

    let place = Place::new();
    drop(UnixListener::bind(place.file(NAME)).unwrap());
    refused(&place, Code::Corrupt);
    removed(&place);
}

#[test]
fn a_symlink_is_never_followed_wherever_it_leads() {
    let good = whole();
    let segment = good.open(NAME).unwrap();
    let elsewhere = Place::new();
    let text = elsewhere.0.join("text");
    fs::write(&text, "precious").unwrap();
    for (what, target, made) in [
        ("a segment", good.file(NAME), true),
        ("a text", text.clone(), true),
        ("a directory", elsewhere.0.clone(), true),
        ("nowhere", elsewhere.0.join("nowhere"), false),
        ("a directory that does not exist", elsewhere.0.join("nowhere").join("deeper"), false),
    ] {
        let place = Place::new();
        symlink(&target, place.file(NAME)).unwrap();
        let before = made.then(|| snapshot(&target));
        let error = refused(&place, Code::Corrupt);
        assert!(error.message.contains("symbolic link"), "to {what}: {error}");
        removed(&place);
        assert_eq!(made.then(|| snapshot(&target)), before, "{what} is untouched");
        assert_eq!(target.exists(), made, "{what}: nothing was made through the link");
    }
    // One that leads to itself.
    let place = Place::new();
    symlink(place.file(NAME), place.file(NAME)).unwrap();
    refused(&place, Code::Corrupt);
    removed(&place);
    assert!(!segment.is_stale());
}

#[test]
fn a_segment_with_two_names_is_a_matter_of_permission_under_both() {
    let place = whole();
    let other = place.file("other");
    fs::hard_link(place.file(NAME), &other).unwrap();
    let error = refused(&place, Code::Permission);
    assert!(error.message.contains("2 names"), "{error}");
    assert_eq!(code(place.open("other")), Code::Permission);
    assert!(unlink("other", Some(&place.0)).unwrap());
    place.open(NAME).unwrap();
}

#[test]
fn a_mode_that_is_not_the_one_of_the_header_is_a_matter_of_permission() {
    let place = whole();
    for mode in [0o666, 0o000, 0o640, 0o400, 0o200, 0o700, 0o660, 0o604, 0o4600, 0o2600, 0o1600] {
        fs::set_permissions(place.file(NAME), Permissions::from_mode(mode)).unwrap();
        // Who is not root cannot even open some of them, which is a matter of permission too.
        refused(&place, Code::Permission);
    }
    fs::set_permissions(place.file(NAME), Permissions::from_mode(0o600)).unwrap();
    place.open(NAME).unwrap();
    // A mode that no header can name, in the header too, under a checksum that is wrong for it.
    writable(&place).write_all_at(&0o666_u32.to_ne_bytes(), header::MODE as u64).unwrap();
    fs::set_permissions(place.file(NAME), Permissions::from_mode(0o666)).unwrap();
    refused(&place, Code::Corrupt);
    removed(&place);
}

#[test]
fn a_group_segment_whose_mode_was_changed_is_a_matter_of_permission() {
    let place = Place::new();
    let options = CreateOptions { share: Some(Share::Group), ..place.small() };
    drop(Segment::create(NAME, &options).unwrap());
    let group = OpenOptions { share: Some(Share::Group), ..place.here() };
    for mode in [0o666, 0o600, 0o664, 0o640] {
        fs::set_permissions(place.file(NAME), Permissions::from_mode(mode)).unwrap();
        assert_eq!(code(Segment::open(NAME, &group)), Code::Permission, "{mode:o}");
        assert_eq!(code(Segment::open_or_create(NAME, &options)), Code::Permission, "{mode:o}");
    }
    removed(&place);
}
