//! Failures leave no descriptor and no mapping behind, and without descriptors there is an error.
//! One test: it counts what the whole process has.

mod segment_support;

use segment_support::{Place, code, view};
use shmring::error::{Code, Detail};
use shmring::layout::Lifetime;
use shmring::lock::ByteLock;
use shmring::owners::{Role, Slot, SlotState, liveness};
use shmring::segment::{CreateOptions, Segment, list, unlink};

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Mappings of files of this test; what the allocator and the threads have varies.
fn mappings(place: &Place) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains(place.0.to_str().unwrap())).count()
}

#[test]
fn a_thousand_failures_of_each_kind_leave_nothing_and_no_descriptor_is_an_error() {
    let place = Place::new();
    let segment = Segment::create("held", &place.small()).unwrap();
    let view = view(&segment);
    let slot = Slot::take(&segment, &view.memory, 1, Role::Producer, "", 0).unwrap().unwrap();
    std::fs::write(place.file("broken"), vec![7; 20_000]).unwrap();
    let attached = CreateOptions { lifetime: Some(Lifetime::Attached), ..place.small() };
    let own = Segment::create("attached", &attached).unwrap();

    let kinds: &[(&str, &dyn Fn())] = &[
        ("exists", &|| drop(Segment::create("held", &place.small()).unwrap_err())),
        ("missing", &|| drop(place.open("missing").unwrap_err())),
        ("broken", &|| drop(place.open("broken").unwrap_err())),
        ("mismatch", &|| {
            let options = CreateOptions { capacity: Some(8192), ..place.small() };
            drop(Segment::open_or_create("held", &options).unwrap_err());
        }),
        ("busy", &|| {
            assert!(Slot::take(&segment, &view.memory, 1, Role::Producer, "", 0).unwrap().is_none());
        }),
        ("shared under exclusive", &|| {
            let byte = segment.layout().slot(1);
            assert!(ByteLock::try_shared(&segment, byte).unwrap().is_none());
        }),
        ("unlink of nothing", &|| assert!(!unlink("missing", Some(&place.0)).unwrap())),
        ("list", &|| assert_eq!(list(Some(&place.0)).unwrap().len(), 3)),
        // And successes.
        ("attach", &|| drop(place.open("attached").unwrap())),
        ("map", &|| drop(segment.map().unwrap())),
        ("take", &|| {
            let taken = Slot::take(&segment, &view.memory, 0, Role::Consumer, "", 0).unwrap();
            taken.unwrap().release(&view.memory);
        }),
        ("create", &|| {
            let made = Segment::create("made", &attached).unwrap();
            drop(made);
        }),
    ];
    for (kind, fail) in kinds {
        let before = (descriptors(), mappings(&place));
        (0..1000).for_each(|_| fail());
        assert_eq!((descriptors(), mappings(&place)), before, "{kind}");
    }
    drop(own);

    // The limit falls to what is open: no further descriptor, except in a table of one's own.
    let before = (descriptors(), mappings(&place));
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the struct, which is alive.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    let none = libc::rlimit { rlim_cur: 0, ..limit };
    // SAFETY: reads the struct, which is alive.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const none) }, 0);
    let errors = [
        place.open("held").map(drop),
        Segment::create("new", &place.small()).map(drop),
        Segment::open_or_create("held", &place.small()).map(drop),
        Slot::take(&segment, &view.memory, 0, Role::Consumer, "", 0).map(drop),
        unlink("held", Some(&place.0)).map(drop),
        list(Some(&place.0)).map(drop),
        segment.unlink().map(drop),
    ];
    // What needs no new descriptor goes on.
    let seen = liveness(&segment, &view.memory, 1);
    let mapped = segment.map().map(drop);
    let stale = segment.is_stale();
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    for (index, result) in errors.into_iter().enumerate() {
        let error = result.expect_err("no descriptor is left");
        assert_eq!(error.code, Code::System, "call {index}: {error}");
        assert!(error.message.contains("ulimit -n"), "call {index}: {error}");
        assert!(error.details.contains(&("errno", Detail::from(libc::EMFILE as u32))));
    }
    assert_eq!(seen.unwrap(), SlotState::Alive);
    assert!(mapped.is_ok() && !stale);
    assert_eq!((descriptors(), mappings(&place)), before);
    assert_eq!(code(place.open("new")), Code::NotFound);
    slot.release(&view.memory);
    assert_eq!(liveness(&segment, &view.memory, 1).unwrap(), SlotState::Free);
}
