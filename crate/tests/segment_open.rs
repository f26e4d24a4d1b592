//! Opening: who may, what is mapped, and what is said where there is nothing to open.

mod segment_support;

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};

use segment_support::{Place, code};
use shmring::error::{Code, Detail};
use shmring::layout::{VERSION, header};
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
fn another_version_is_refused_with_both_versions() {
    let place = whole();
    writable(&place).write_all_at(&77_u32.to_ne_bytes(), header::VERSION as u64).unwrap();
    refused(&place, Code::Version);
    let error = place.open(NAME).unwrap_err();
    assert!(error.details.contains(&("found", Detail::Number(77))), "{error:?}");
    assert!(error.details.contains(&("expected", Detail::Number(VERSION.into()))), "{error:?}");
    for version in ["version 77", &format!("version {VERSION}")] {
        assert!(error.message.contains(version), "{error}");
    }
    // The way out that the message names.
    assert!(unlink(NAME, Some(&place.0)).unwrap());
    drop(Segment::create(NAME, &place.small()).unwrap());
    place.open(NAME).unwrap();
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
