//! What lies under a ring's name may be anything. Opening it is refused with a code and a sentence,
//! and changes nothing.

mod segment_support;

use std::fs::{File, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};

use segment_support::{Place, code};
use shmring::error::{Code, Detail};
use shmring::layout::{PAGE, header};
use shmring::lock::Liveness;
use shmring::segment::{Access, CreateOptions, OpenOptions, Segment, Share, list, unlink};

const NAME: &str = "x";

/// Every way to open `NAME`, and its entry in the list; all fail with the same code.
#[track_caller]
fn refused(place: &Place, expected: Code) {
    let inspect = OpenOptions { access: Access::Inspect, ..place.here() };
    assert_eq!(code(place.open(NAME)), expected);
    assert_eq!(code(Segment::open(NAME, &inspect)), expected);
    assert_eq!(code(Segment::open_or_create(NAME, &place.small())), expected);
    assert_eq!(code(Segment::create(NAME, &place.small())), Code::Exists);
    let infos = list(Some(&place.0)).unwrap();
    assert_eq!(infos.len(), 1);
    let error = infos[0].error.as_ref().expect("the list says what is wrong");
    assert!(error.contains(expected.name()), "{error}");
}

fn whole() -> Place {
    let place = Place::new();
    drop(Segment::create(NAME, &place.small()).unwrap());
    place
}

fn writable(place: &Place) -> File {
    File::options().read(true).write(true).open(place.file(NAME)).unwrap()
}

fn c_path(place: &Place) -> std::ffi::CString {
    std::ffi::CString::new(place.file(NAME).to_str().unwrap()).unwrap()
}

#[test]
fn a_file_that_is_too_short_or_not_as_long_as_it_says_is_corrupt() {
    for length in [0, 1, 111, 112, PAGE as u64 - 1, PAGE as u64, 8192, 1 << 20, 1 << 40] {
        let place = whole();
        writable(&place).set_len(length).unwrap();
        refused(&place, Code::Corrupt);
        assert_eq!(std::fs::metadata(place.file(NAME)).unwrap().len(), length, "nothing has changed");
    }
}

#[test]
fn a_file_of_zeros_or_of_text_is_corrupt() {
    for byte in [0, b'x'] {
        let place = Place::new();
        std::fs::write(place.file(NAME), vec![byte; 20_000]).unwrap();
        refused(&place, Code::Corrupt);
    }
}

#[test]
fn a_directory_fifo_socket_or_symlink_is_corrupt_and_blocks_nobody() {
    let place = Place::new();
    std::fs::create_dir(place.file(NAME)).unwrap();
    refused(&place, Code::Corrupt);
    assert_eq!(code(unlink(NAME, Some(&place.0))), Code::Corrupt);

    let place = Place::new();
    // SAFETY: a terminated string that is alive.
    assert_eq!(unsafe { libc::mkfifo(c_path(&place).as_ptr(), 0o600) }, 0);
    refused(&place, Code::Corrupt);
    assert!(unlink(NAME, Some(&place.0)).unwrap(), "one gets rid of it");

    let place = Place::new();
    drop(std::os::unix::net::UnixListener::bind(place.file(NAME)).unwrap());
    refused(&place, Code::Corrupt);

    // Led to a good segment or nowhere, a symlink is not followed, and goes alone.
    let good = whole();
    for target in [good.file(NAME), good.file("nowhere")] {
        let place = Place::new();
        std::os::unix::fs::symlink(&target, place.file(NAME)).unwrap();
        refused(&place, Code::Corrupt);
        assert!(unlink(NAME, Some(&place.0)).unwrap());
    }
    good.open(NAME).unwrap();
}

#[test]
fn a_second_hard_link_a_changed_mode_or_another_owner_is_a_matter_of_permission() {
    let place = whole();
    std::fs::hard_link(place.file(NAME), place.0.join("other")).unwrap();
    refused(&place, Code::Permission);
    std::fs::remove_file(place.0.join("other")).unwrap();
    place.open(NAME).unwrap();

    for mode in [0o666, 0o000, 0o640, 0o700, 0o4600, 0o660] {
        std::fs::set_permissions(place.file(NAME), Permissions::from_mode(mode)).unwrap();
        refused(&place, Code::Permission);
    }
    std::fs::set_permissions(place.file(NAME), Permissions::from_mode(0o600)).unwrap();
    place.open(NAME).unwrap();

    if std::os::unix::fs::chown(place.file(NAME), Some(12345), None).is_ok() {
        refused(&place, Code::Permission);
    } else {
        eprintln!("not root: another owner was not tried");
    }
}

#[test]
fn a_group_segment_is_opened_only_by_those_who_ask_for_it() {
    let place = Place::new();
    let group = CreateOptions { share: Some(Share::Group), ..place.small() };
    // SAFETY: the umask is the process's; the mode must be exact all the same.
    let mask = unsafe { libc::umask(0o077) };
    let segment = Segment::create(NAME, &group).unwrap();
    // SAFETY: as above.
    unsafe { libc::umask(mask) };
    assert_eq!(segment.mode(), 0o660);
    assert_eq!(std::fs::metadata(place.file(NAME)).unwrap().mode() & 0o7777, 0o660);
    assert_eq!(code(place.open(NAME)), Code::Permission);
    assert_eq!(code(Segment::open_or_create(NAME, &place.small())), Code::Permission);
    let options = OpenOptions { share: Some(Share::Group), ..place.here() };
    assert_eq!(Segment::open(NAME, &options).unwrap().id(), segment.id());
    assert_eq!(list(Some(&place.0)).unwrap()[0].error, None);
}

#[test]
fn holes_are_filled_at_attach_and_refused_to_an_inspector() {
    let place = whole();
    let file = writable(&place);
    let length = file.metadata().unwrap().len();
    let mut page = [0; PAGE];
    file.read_exact_at(&mut page, 0).unwrap();
    file.set_len(0).unwrap();
    file.set_len(length).unwrap();
    file.write_all_at(&page, 0).unwrap();
    assert!(file.metadata().unwrap().blocks() * 512 < length);
    let inspect = OpenOptions { access: Access::Inspect, ..place.here() };
    assert_eq!(code(Segment::open(NAME, &inspect)), Code::Corrupt);
    place.open(NAME).unwrap();
    assert!(file.metadata().unwrap().blocks() * 512 >= length);
    Segment::open(NAME, &inspect).unwrap();
}

#[test]
fn every_single_bit_flip_of_a_valid_header_is_refused() {
    let place = whole();
    let file = writable(&place);
    let mut page = [0; PAGE];
    file.read_exact_at(&mut page, 0).unwrap();
    for bit in 0..PAGE * 8 {
        let (at, flipped) = (bit / 8, page[bit / 8] ^ (1 << (bit % 8)));
        file.write_all_at(&[flipped], at as u64).unwrap();
        let error = place.open(NAME).expect_err("a flipped bit must not pass");
        let version = (header::VERSION..header::VERSION + 4).contains(&at);
        let expected = if version { Code::Version } else { Code::Corrupt };
        assert_eq!(error.code, expected, "bit {bit}: {error}");
        file.write_all_at(&page[at..=at], at as u64).unwrap();
    }
    place.open(NAME).unwrap();
}

#[test]
fn another_version_is_refused_with_both_versions() {
    let place = whole();
    writable(&place).write_all_at(&77_u32.to_ne_bytes(), header::VERSION as u64).unwrap();
    refused(&place, Code::Version);
    let error = place.open(NAME).unwrap_err();
    assert!(error.details.contains(&("found", Detail::Number(77))), "{error:?}");
    assert!(error.details.iter().any(|(name, _)| *name == "expected"));
}

#[test]
fn what_is_not_there_is_not_found_and_a_bad_name_is_an_invalid_argument() {
    let place = Place::new();
    assert_eq!(code(place.open(NAME)), Code::NotFound);
    assert!(!unlink(NAME, Some(&place.0)).unwrap());
    assert!(list(Some(&place.0)).unwrap().is_empty());
    let nowhere = Some(place.0.join("nowhere"));
    let options = CreateOptions { directory: nowhere.clone(), ..place.small() };
    assert_eq!(code(Segment::create(NAME, &options)), Code::NotFound);
    assert_eq!(code(Segment::open_or_create(NAME, &options)), Code::NotFound);
    assert_eq!(code(Segment::temporary(&options)), Code::NotFound);
    assert_eq!(code(list(nowhere.as_deref())), Code::NotFound);
    assert_eq!(
        code(Segment::open(NAME, &OpenOptions { directory: nowhere, ..place.here() })),
        Code::NotFound
    );
    for name in ["", "../x", ".x", "a/b", "a\0"] {
        assert_eq!(code(place.open(name)), Code::InvalidArgument);
        assert_eq!(code(Segment::create(name, &place.small())), Code::InvalidArgument);
        assert_eq!(code(unlink(name, Some(&place.0))), Code::InvalidArgument);
    }
}

#[test]
fn an_inspector_maps_read_only_and_takes_no_lock_but_can_probe() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let inspector = Segment::open(NAME, &OpenOptions { access: Access::Inspect, ..place.here() }).unwrap();
    let mapping = inspector.map().unwrap();
    assert!(!mapping.writable() && mapping.length() == segment.layout().size);
    let byte = segment.layout().slot(1);
    assert_eq!(inspector.probe(byte).unwrap(), Liveness::Dead);
    let lock = shmring::lock::ByteLock::try_exclusive(&segment, byte).unwrap().unwrap();
    assert_eq!(inspector.probe(byte).unwrap(), Liveness::Alive);
    drop(lock);
    assert_eq!(inspector.probe(byte).unwrap(), Liveness::Dead);
}

#[test]
fn a_retired_mapping_reads_zeros_and_gives_its_range_back() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let mapping = segment.map().unwrap();
    // SAFETY: within the mapping, and nobody writes the header.
    assert_eq!(unsafe { mapping.base().read_volatile() }, b's');
    let before = mapping.base();
    mapping.retire().unwrap();
    // SAFETY: the range is mapped until the drop.
    unsafe {
        assert_eq!((mapping.base(), mapping.base().read_volatile()), (before, 0));
        mapping.base().add(mapping.length() - 1).write_volatile(1);
    }
    let start = format!("{:x}-", before as usize);
    let mapped = || std::fs::read_to_string("/proc/self/maps").unwrap().contains(&start);
    assert!(mapped());
    drop(mapping);
    let again = segment.map().unwrap();
    // SAFETY: as above.
    assert_eq!(unsafe { again.base().read_volatile() }, b's', "the file is untouched");
}
