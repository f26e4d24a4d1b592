//! Rings on file systems that do not lie in the memory of one kernel.

mod segment_support;
mod skipping;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use segment_support::{Place, code};
use shmring::attached::Producer;
use shmring::error::{Code, Detail};
use shmring::layout::{Kind, Lifetime};
use shmring::ring::spsc::Payload;
use shmring::segment::{CreateOptions, FileSystem, OpenOptions, Segment, list, unlink};

const NAME: &str = "x";

fn kind_of(directory: &Path) -> u32 {
    let path = std::ffi::CString::new(directory.to_str().unwrap()).unwrap();
    // SAFETY: a plain struct of integers, for which zero is a value.
    let mut stats: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a terminated string and a struct to fill, both alive.
    assert_eq!(unsafe { libc::statfs(path.as_ptr(), &raw mut stats) }, 0);
    stats.f_type as u32
}

/// A directory on a disk, with a file system that can hold rings otherwise.
fn on_disk(test: &str) -> Option<Place> {
    let folders = [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), std::env::temp_dir()];
    for folder in folders {
        let place = Place(folder.join(format!("shmring-disk-{}-{test}", std::process::id())));
        std::fs::create_dir_all(&place.0).unwrap();
        let any = CreateOptions { file_system: Some(FileSystem::Any), ..place.small() };
        if kind_of(&place.0) != libc::TMPFS_MAGIC as u32 && Segment::create("probe", &any).is_ok() {
            assert!(unlink("probe", Some(&place.0)).unwrap());
            return Some(place);
        }
    }
    skipping::skip("disk", "neither the build's folder nor that for temporary files is on a disk");
    None
}

#[test]
fn a_file_system_that_two_kernels_may_share_is_refused_unless_told_otherwise() {
    let Some(place) = on_disk("refused") else { return };
    let refused = |error: shmring::error::Error| {
        assert_eq!(error.code, Code::Unsupported, "{error}");
        for part in ["SHMRING_FILESYSTEM", "fileSystem", "/dev/shm", place.0.to_str().unwrap()] {
            assert!(error.message.contains(part), "{error}");
        }
        let found = error.details.iter().find(|(name, _)| *name == "found").unwrap();
        assert!(
            matches!(&found.1, Detail::Text(text) if text.contains(&format!("{:#x}", kind_of(&place.0))))
        );
    };
    refused(Segment::create(NAME, &place.small()).unwrap_err());
    refused(Segment::open_or_create(NAME, &place.small()).unwrap_err());
    refused(Segment::temporary(&place.small()).unwrap_err());
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 0, "nothing is left behind");
    assert_eq!(code(place.open(NAME)), Code::NotFound);

    let any = CreateOptions { file_system: Some(FileSystem::Any), ..place.small() };
    let segment = Arc::new(Segment::create(NAME, &any).unwrap());
    refused(place.open(NAME).unwrap_err());
    refused(Segment::open_or_create(NAME, &place.small()).unwrap_err());
    let other = Segment::open(NAME, &OpenOptions { file_system: Some(FileSystem::Any), ..place.here() });
    assert_eq!(other.unwrap().id(), segment.id());
    assert_eq!(Segment::open_or_create(NAME, &any).unwrap().id(), segment.id());
    assert!(Segment::temporary(&any).is_ok());
    // SAFETY: the payload is a constant.
    assert!(unsafe { Producer::attach(&segment, "").unwrap().ring().try_write(Payload::of(b"x")) }.unwrap());

    // Looking and removing works everywhere.
    let infos = list(Some(&place.0)).unwrap();
    assert_eq!(
        infos.iter().map(|info| (info.name.as_str(), &info.error)).collect::<Vec<_>>(),
        [(NAME, &None)]
    );
    assert!(unlink(NAME, Some(&place.0)).unwrap());
}

#[test]
fn a_ring_whose_processes_may_live_under_another_kernel_is_not_taken_for_abandoned() {
    let Some(place) = on_disk("abandoned") else { return };
    let any = CreateOptions {
        file_system: Some(FileSystem::Any),
        lifetime: Some(Lifetime::Attached),
        ..place.small()
    };
    let segment = Segment::create(NAME, &any).unwrap();
    let (whole, path) = (std::fs::read(place.file(NAME)).unwrap(), place.file(NAME));
    drop(segment);
    // As the other kernel left it: no lock on it is seen here.
    std::fs::write(&path, whole).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(code(Segment::create(NAME, &place.small())), Code::Unsupported);
    assert_eq!(code(Segment::open_or_create(NAME, &place.small())), Code::Unsupported);
    assert_eq!(code(Segment::temporary(&place.small())), Code::Unsupported);
    assert!(path.exists());
    Segment::create(NAME, &any).unwrap();
}

#[test]
fn a_file_system_that_holds_no_rings_at_all_is_called_by_its_name() {
    let options =
        CreateOptions { directory: Some("/proc".into()), kind: Some(Kind::Spsc), ..Default::default() };
    let error = Segment::create(NAME, &options).unwrap_err();
    assert_eq!(error.code, Code::Unsupported);
    assert!(error.message.contains("proc (0x9fa0)"), "{error}");
    // What is no directory is none, wherever it lies.
    let file = CreateOptions { directory: Some("/proc/version".into()), ..options };
    assert_eq!(code(Segment::create(NAME, &file)), Code::NotFound);
}
