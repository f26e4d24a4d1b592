//! Creating, finding, removing: everybody who races gets the same segment, nobody removes another's.

mod segment_support;

use std::collections::HashSet;
use std::sync::{Arc, Barrier};

use segment_support::{Child, Place, code, listen, role, say};
use shmring::error::{Code, Detail};
use shmring::layout::{DEFAULT_CAPACITY, Kind, Lifetime, MAX_CAPACITY, locks};
use shmring::lock::ByteLock;
use shmring::segment::{Access, CreateOptions, OpenOptions, Segment, Share, list, unlink};

const NAME: &str = "x";

fn attached(place: &Place) -> CreateOptions {
    CreateOptions { lifetime: Some(Lifetime::Attached), ..place.small() }
}

/// The roles of child processes; see [`Child`].
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    let small = CreateOptions { kind: Some(Kind::Spsc), capacity: Some(4096), ..Default::default() };
    match role.as_str() {
        "race" => {
            say("ready");
            listen();
            let segment = Segment::open_or_create(NAME, &small).unwrap();
            say(segment.id());
            listen();
        }
        "attach" => {
            let options = CreateOptions { lifetime: Some(Lifetime::Attached), ..small };
            let segment = Segment::open_or_create(NAME, &options).unwrap();
            say(segment.id());
            listen();
        }
        other => panic!("no role {other}"),
    }
}

#[test]
fn racing_creators_all_get_the_same_segment() {
    for _ in 0..10 {
        let place = Place::new();
        let mut children: Vec<_> = (0..8).map(|_| Child::start("race", &place.0)).collect();
        children.iter_mut().for_each(|child| assert_eq!(child.hear(), "ready"));
        children.iter_mut().for_each(Child::tell);
        let ids: HashSet<_> = children.iter_mut().map(Child::hear).collect();
        assert_eq!(ids.len(), 1);
        assert_eq!(place.open(NAME).unwrap().id(), *ids.iter().next().unwrap());
        assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 1);
    }
}

#[test]
fn of_racing_threads_that_create_one_wins_and_the_others_hear_exists() {
    for lifetime in [Lifetime::Persistent, Lifetime::Attached] {
        for _ in 0..50 {
            let place = Arc::new(Place::new());
            let start = Arc::new(Barrier::new(6));
            let threads: Vec<_> = (0..6)
                .map(|_| {
                    let (place, start) = (place.clone(), start.clone());
                    std::thread::spawn(move || {
                        let options = CreateOptions { lifetime: Some(lifetime), ..place.small() };
                        start.wait();
                        let result = Segment::create(NAME, &options);
                        // Nobody detaches before all have tried.
                        start.wait();
                        result.map(drop)
                    })
                })
                .collect();
            let results: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
            assert!(results.into_iter().filter_map(Result::err).all(|error| error.code == Code::Exists));
        }
    }
}

#[test]
fn capacity_is_rounded_up_and_out_of_bounds_refused() {
    let place = Place::new();
    let create = |kind, capacity| {
        let options = CreateOptions { kind, capacity, ..place.small() };
        let segment = Segment::create(NAME, &options)?;
        segment.unlink()?;
        assert_eq!(segment.map()?.length(), segment.layout().size);
        Ok((segment.layout().kind, segment.layout().capacity as u64))
    };
    assert_eq!(create(None, None).unwrap(), (Kind::Mpsc, DEFAULT_CAPACITY));
    assert_eq!(create(Some(Kind::Spsc), Some(1)).unwrap(), (Kind::Spsc, 4096));
    assert_eq!(create(Some(Kind::Spsc), Some(4097)).unwrap(), (Kind::Spsc, 8192));
    assert_eq!(create(Some(Kind::Mpsc), Some(1)).unwrap(), (Kind::Mpsc, 65536));
    for capacity in [0, MAX_CAPACITY + 1, 1 << 62, u64::MAX] {
        assert_eq!(code(create(Some(Kind::Spsc), Some(capacity))), Code::InvalidArgument);
    }
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 0);
}

#[test]
fn an_option_that_differs_is_a_mismatch_and_one_left_out_accepts_what_is_there() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let bare = CreateOptions { directory: Some(place.0.clone()), ..Default::default() };
    assert_eq!(Segment::open_or_create(NAME, &bare).unwrap().id(), segment.id());
    assert_eq!(Segment::open_or_create(NAME, &place.small()).unwrap().id(), segment.id());
    let rounded = CreateOptions { capacity: Some(4000), ..bare.clone() };
    assert_eq!(Segment::open_or_create(NAME, &rounded).unwrap().id(), segment.id());
    for (option, found, options) in [
        ("kind", Detail::from("spsc"), CreateOptions { kind: Some(Kind::Mpsc), ..bare.clone() }),
        ("capacity", Detail::from(4096_u64), CreateOptions { capacity: Some(8192), ..bare.clone() }),
        (
            "lifetime",
            Detail::from("persistent"),
            CreateOptions { lifetime: Some(Lifetime::Attached), ..bare.clone() },
        ),
        ("share", Detail::from("owner"), CreateOptions { share: Some(Share::Group), ..bare.clone() }),
    ] {
        let error = Segment::open_or_create(NAME, &options).unwrap_err();
        assert_eq!(error.code, Code::Mismatch);
        assert!(error.details.contains(&("option", Detail::from(option))), "{error:?}");
        assert!(error.details.contains(&("found", found)), "{error:?}");
        assert!(error.details.iter().any(|(name, _)| *name == "expected"));
    }
}

#[test]
fn after_unlink_and_creation_anew_the_old_is_stale_and_never_removes_the_new() {
    let place = Place::new();
    let old = Segment::create(NAME, &place.small()).unwrap();
    assert!(!old.is_stale());
    assert!(unlink(NAME, Some(&place.0)).unwrap());
    assert!(!unlink(NAME, Some(&place.0)).unwrap());
    assert!(old.is_stale());
    assert!(!old.unlink().unwrap());
    let new = Segment::create(NAME, &place.small()).unwrap();
    assert_ne!(old.id(), new.id());
    assert!(old.is_stale() && !new.is_stale());
    assert!(!old.unlink().unwrap());
    assert!(!new.is_stale());
    assert_eq!(place.open(NAME).unwrap().id(), new.id());
    // The old one still works for those who have it.
    assert!(old.map().is_ok());
    assert!(ByteLock::try_exclusive(&old, old.layout().slot(1)).unwrap().is_some());
    assert!(new.unlink().unwrap());
    assert!(!new.unlink().unwrap());
}

#[test]
fn unlinking_an_old_segment_never_hits_one_that_is_created_meanwhile() {
    let place = Arc::new(Place::new());
    for _ in 0..300 {
        let old = Arc::new(Segment::create(NAME, &place.small()).unwrap());
        let start = Arc::new(Barrier::new(3));
        let removers: Vec<_> = (0..2)
            .map(|_| {
                let (old, start) = (old.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    old.unlink().unwrap()
                })
            })
            .collect();
        start.wait();
        let new = loop {
            match Segment::create(NAME, &place.small()) {
                Ok(new) => break new,
                Err(error) => assert_eq!(error.code, Code::Exists),
            }
        };
        let removed: Vec<_> = removers.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(removed.iter().filter(|removed| **removed).count(), 1);
        assert!(!new.is_stale());
        assert!(new.unlink().unwrap());
    }
}

#[test]
fn the_last_to_detach_removes_an_attached_segment() {
    let place = Place::new();
    let first = Segment::create(NAME, &attached(&place)).unwrap();
    let second = place.open(NAME).unwrap();
    let mut child = Child::start("attach", &place.0);
    assert_eq!(child.hear(), first.id());
    drop(first);
    assert!(place.file(NAME).exists());
    second.close();
    assert!(place.file(NAME).exists(), "the child is still attached");
    child.tell();
    child.end();
    assert!(!place.file(NAME).exists());
}

#[test]
fn of_many_who_detach_at_once_one_is_the_last() {
    let place = Arc::new(Place::new());
    for _ in 0..200 {
        let segments: Vec<_> =
            (0..4).map(|_| Segment::open_or_create(NAME, &attached(&place)).unwrap()).collect();
        let start = Arc::new(Barrier::new(segments.len()));
        let threads = segments.into_iter().map(|segment| {
            let start = start.clone();
            std::thread::spawn(move || {
                start.wait();
                drop(segment);
            })
        });
        threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
        assert!(!place.file(NAME).exists());
    }
}

#[test]
fn whoever_comes_while_the_last_detaches_gets_a_segment_that_is_not_stale() {
    let place = Arc::new(Place::new());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let place = place.clone();
            std::thread::spawn(move || {
                for _ in 0..300 {
                    let segment = Segment::open_or_create(NAME, &attached(&place)).unwrap();
                    assert!(!segment.is_stale());
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(!place.file(NAME).exists());
}

#[test]
fn an_attached_segment_whose_users_were_all_killed_is_replaced_by_the_next_create() {
    for open in [false, true] {
        let place = Place::new();
        let mut child = Child::start("attach", &place.0);
        let id = child.hear();
        assert_eq!(code(Segment::create(NAME, &attached(&place))), Code::Exists);
        child.kill();
        assert!(place.file(NAME).exists());
        let segment = if open {
            Segment::open_or_create(NAME, &attached(&place))
        } else {
            Segment::create(NAME, &attached(&place))
        };
        assert_ne!(segment.unwrap().id(), id);
    }
}

#[test]
fn an_attached_segment_whose_users_were_all_killed_can_still_be_opened_and_drained() {
    let place = Place::new();
    let mut child = Child::start("attach", &place.0);
    let id = child.hear();
    child.kill();
    let segment = place.open(NAME).unwrap();
    assert_eq!(segment.id(), id);
    drop(segment);
    assert!(!place.file(NAME).exists());
}

#[test]
fn an_inspector_neither_keeps_nor_removes_an_attached_segment() {
    let place = Place::new();
    let segment = Segment::create(NAME, &attached(&place)).unwrap();
    let options = OpenOptions { access: Access::Inspect, ..place.here() };
    drop(Segment::open(NAME, &options).unwrap());
    assert!(place.file(NAME).exists());
    let inspector = Segment::open(NAME, &options).unwrap();
    drop(segment);
    assert!(!place.file(NAME).exists() && inspector.is_stale());
}

#[test]
fn a_temporary_segment_has_a_name_of_its_own_and_goes_by_itself() {
    let place = Place::new();
    let (first, second) =
        (Segment::temporary(&place.small()).unwrap(), Segment::temporary(&place.small()).unwrap());
    assert_ne!(first.name(), second.name());
    assert_eq!(first.lifetime(), Lifetime::Attached);
    assert_eq!(place.open(first.name()).unwrap().id(), first.id());
    drop((first, second));
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 0);
}

#[test]
fn the_list_tells_who_lives_and_who_died_and_skips_what_is_not_ours() {
    let place = Place::new();
    std::fs::write(place.0.join("other"), "").unwrap();
    std::fs::write(place.0.join("shmring.with space"), "").unwrap();
    std::fs::write(place.0.join("shmring.broken"), "").unwrap();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let view = segment_support::view(&segment);
    let role = shmring::owners::Role::Producer;
    let slot = shmring::owners::Slot::take(&segment, &view.memory, 1, role, "", 0).unwrap().unwrap();
    let infos = list(Some(&place.0)).unwrap();
    assert_eq!(infos.iter().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["broken", NAME]);
    assert!(infos[0].error.is_some());
    let info = &infos[1];
    assert_eq!((&info.id, info.kind, info.capacity), (&segment.id(), Some(Kind::Spsc), 4096));
    assert_eq!((info.bytes, info.mode), (segment.layout().size as u64, 0o600));
    assert_eq!((info.alive, info.dead, &info.error), (1, 0, &None));
    drop(slot);
    let info = list(Some(&place.0)).unwrap().pop().unwrap();
    assert_eq!((info.alive, info.dead), (0, 1), "dropped without a release");
    shmring::owners::recover(&segment, &view.memory).unwrap();
    assert_eq!(list(Some(&place.0)).unwrap().pop().unwrap().dead, 0);
}

#[test]
fn whoever_removes_waits_for_another_who_is_removing_and_gives_up_on_one_who_does_not_finish() {
    let place = Place::new();
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let remove: [&(dyn Fn() -> shmring::error::Result<bool> + Sync); 2] =
        [&|| segment.unlink(), &|| unlink(NAME, Some(&place.0))];
    let hold = || ByteLock::try_exclusive(&segment, locks::REMOVAL).unwrap().unwrap();
    for remove in remove {
        let held = hold();
        assert_eq!(code(remove()), Code::Busy);
        assert!(place.file(NAME).exists());
        drop(held);
    }
    // One who was waiting finds the name gone, or a successor's, when he gets his turn.
    let held = hold();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| segment.unlink().unwrap());
        std::thread::sleep(std::time::Duration::from_millis(50));
        std::fs::remove_file(place.file(NAME)).unwrap();
        let new = Segment::create(NAME, &place.small()).unwrap();
        drop(held);
        assert!(!waiting.join().unwrap());
        assert!(!new.is_stale());
    });
}
