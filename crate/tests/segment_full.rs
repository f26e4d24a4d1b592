//! A file system that is full, or read-only, or cannot do what is needed.

mod segment_support;
mod skipping;

use std::collections::HashSet;
use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

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

/// How often this thread has slept or waited.
fn sleeps() -> i64 {
    // SAFETY: a plain struct of integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: a struct to fill, which is alive.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) }, 0);
    usage.ru_nvcsw
}

/// What a creator does while it has a file without a name; see `segment/creators.rs`.
fn lock_as_creator(directory: &std::fs::File) {
    // SAFETY: a plain struct of integers, for which zero is a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_RDLCK as libc::c_short;
    lock.l_len = 1;
    // SAFETY: an open descriptor, and a struct that is alive.
    assert_eq!(unsafe { libc::fcntl(directory.as_raw_fd(), libc::F_OFD_SETLK, &raw mut lock) }, 0);
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
            let error = Segment::create("x", &options(1 << 20)).unwrap_err();
            assert_eq!(error.code, Code::NoSpace);
            assert!(error.message.contains("--shm-size"), "{error}");
            std::fs::write(directory.join("filler"), vec![1; 256 << 10]).unwrap();
            let error = Segment::create("x", &options(128 << 10)).unwrap_err();
            assert_eq!(error.code, Code::NoSpace);
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
        "alone" => {
            std::fs::write(directory.join("filler"), vec![1; 256 << 10]).unwrap();
            let options = options(128 << 10);
            type Call<'a> = &'a dyn Fn() -> shmring::error::Result<Segment>;
            let calls: [Call; 3] =
                [&|| Segment::create("x", &options), &|| Segment::open_or_create("x", &options), &|| {
                    Segment::temporary(&options)
                }];
            for call in calls {
                let before = sleeps();
                assert_eq!(code(call()), Code::NoSpace);
                // Two pauses, and now and then a lock of the kernel's; two seconds are about 190.
                let sleeps = sleeps() - before;
                assert!(sleeps < 20, "{sleeps} sleeps");
            }
        }
        "crowded" => {
            // Another creator, whose file takes up the room until it is given up.
            let other = std::fs::File::open(&directory).unwrap();
            lock_as_creator(&other);
            std::fs::write(directory.join("filler"), vec![1; 256 << 10]).unwrap();
            std::thread::scope(|scope| {
                let created = scope.spawn(|| Segment::create("x", &options(128 << 10)));
                // Longer than a creator goes on that is alone.
                std::thread::sleep(Duration::from_millis(300));
                std::fs::remove_file(directory.join("filler")).unwrap();
                created.join().unwrap().unwrap();
            });
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
fn a_full_tmpfs_that_nobody_else_fills_does_not_block_the_caller_for_two_seconds() {
    play("alone");
}

#[test]
fn a_tmpfs_that_another_creator_fills_is_waited_for() {
    play("crowded");
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
