//! A file system that is full, or read-only, or cannot do what is needed.

mod segment_support;
mod skipping;

use std::collections::HashSet;
use std::ffi::CString;
use std::path::Path;
use std::time::{Duration, Instant};

use segment_support::{Child, Place, code, listen, role, say};
use shmring::error::{Code, Detail};
use shmring::layout::Kind;
use shmring::segment::{CreateOptions, Segment, list};

/// A tmpfs of our own over `directory`, seen by this thread and those that it starts. False where
/// that is not permitted.
fn mount(directory: &Path, options: &str, flags: libc::c_ulong) -> bool {
    let target = CString::new(directory.to_str().unwrap()).unwrap();
    let data = CString::new(options).unwrap();
    let none = std::ptr::null();
    // SAFETY: terminated strings that are alive; the mounts go with the namespace.
    unsafe {
        libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast()) == 0
            && libc::mount(c"tmpfs".as_ptr(), target.as_ptr(), c"tmpfs".as_ptr(), flags, data.as_ptr().cast())
                == 0
    }
}

/// The roles of child processes; see [`Child`].
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    let directory = std::path::PathBuf::from(std::env::var_os("SHMRING_DIR").unwrap());
    let options =
        |capacity| CreateOptions { kind: Some(Kind::Spsc), capacity: Some(capacity), ..Default::default() };
    let (size, flags) = if role == "read-only" { ("64k", libc::MS_RDONLY) } else { ("320k", 0) };
    if !mount(&directory, &format!("size={size}"), flags) {
        say("not permitted");
        return;
    }
    say("mounted");
    match role.as_str() {
        "sixteen" => {
            // One fits, three do not: those who race are in each other's way.
            let start = std::sync::Barrier::new(16);
            let ids: HashSet<_> = std::thread::scope(|scope| {
                let create = || {
                    start.wait();
                    Segment::open_or_create("x", &options(128 << 10)).unwrap().id()
                };
                let threads: Vec<_> = (0..16).map(|_| scope.spawn(create)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(ids.len(), 1);
        }
        "full" => {
            // What can never fit is said at once.
            let start = Instant::now();
            let error = Segment::create("x", &options(1 << 20)).unwrap_err();
            assert_eq!(error.code, Code::NoSpace);
            assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
            assert!(error.message.contains("--shm-size"), "{error}");
            // What others are in the way of is waited for, but not for ever.
            std::fs::write(directory.join("filler"), vec![1; 256 << 10]).unwrap();
            let error = Segment::create("x", &options(128 << 10)).unwrap_err();
            assert_eq!(error.code, Code::NoSpace);
            assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&start.elapsed()));
            let number = |wanted| {
                error.details.iter().find_map(|(name, detail)| match detail {
                    Detail::Number(number) if *name == wanted => Some(*number),
                    _ => None,
                })
            };
            assert!(number("needed").unwrap() > number("free").unwrap());
            assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "nothing is left behind");
            // Taken and full is taken.
            std::fs::remove_file(directory.join("filler")).unwrap();
            let kept = Segment::create("x", &options(128 << 10)).unwrap();
            std::fs::write(directory.join("filler"), vec![1; 150 << 10]).unwrap();
            assert_eq!(code(Segment::create("x", &options(128 << 10))), Code::Exists);
            assert_eq!(Segment::open_or_create("x", &options(128 << 10)).unwrap().id(), kept.id());
            // A segment with a hole on a full tmpfs is refused rather than mapped.
            let path = directory.join("shmring.x");
            let page = std::fs::read(&path).unwrap()[..4096].to_vec();
            let length = kept.layout().size as u64;
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_len(0).unwrap();
            file.set_len(length).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &page, 0).unwrap();
            let _ = std::fs::write(directory.join("filler"), vec![1; 320 << 10]);
            assert_eq!(code(Segment::open_or_create("x", &options(128 << 10))), Code::NoSpace);
        }
        "read-only" => {
            assert_eq!(code(Segment::create("x", &options(4096))), Code::Permission);
            assert_eq!(code(Segment::open_or_create("x", &options(4096))), Code::Permission);
            assert!(list(None).unwrap().is_empty());
        }
        other => panic!("no role {other}"),
    }
    say("done");
    listen();
}

fn play(role: &str) {
    let place = Place::new();
    let mut child = Child::start(role, &place.0);
    if child.hear() == "not permitted" {
        return skipping::skip("mount-tmpfs", "a mount namespace with a tmpfs of its own is not permitted");
    }
    assert_eq!(child.hear(), "done");
    child.end();
}

#[test]
fn sixteen_creators_on_a_small_tmpfs_all_get_the_same_segment() {
    play("sixteen");
}

#[test]
fn a_full_tmpfs_is_no_space_with_numbers_and_a_hint() {
    play("full");
}

#[test]
fn a_read_only_file_system_is_a_matter_of_permission() {
    play("read-only");
}

#[test]
fn a_file_system_without_nameless_files_is_unsupported() {
    let options = |directory: &str| CreateOptions {
        directory: Some(directory.into()),
        kind: Some(Kind::Spsc),
        capacity: Some(4096),
        ..Default::default()
    };
    assert_eq!(code(Segment::create("x", &options("/proc"))), Code::Unsupported);
    assert_eq!(code(Segment::create("x", &options("/dev/null"))), Code::NotFound);
}
