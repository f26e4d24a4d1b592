//! Which file systems may hold rings.
//!
//! What tells a living process from a dead one is a lock, and the kernel that keeps it. A file system
//! that two kernels share (virtiofs, 9p, NFS) may show both the same bytes and neither the other's
//! locks: the living would be taken for dead. Nothing tells a directory that is shared so from one that
//! is not, but a tmpfs, a ramfs and a hugetlbfs are always one kernel's own.

use std::fs::File;
use std::io;

use super::name::Location;
use super::space::statfs;
use crate::error::{Code, Error, Result};
use crate::pages::file_system;

const VARIABLE: &str = "SHMRING_FILESYSTEM";

/// Which kinds of file system are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// Those that lie in the memory of one kernel.
    Memory,
    /// Every one, on the word of the caller that one kernel alone uses it.
    Any,
}

impl FileSystem {
    /// What is asked for; else what the environment says; else the memory of one kernel.
    fn or_default(asked: Option<FileSystem>) -> Result<FileSystem> {
        let from_environment = || match std::env::var_os(VARIABLE) {
            Some(value) if value == "any" => Ok(FileSystem::Any),
            Some(value) if !value.is_empty() && value != "memory" => Err(Error::new(
                Code::InvalidArgument,
                format!("the environment variable {VARIABLE} must be 'memory' or 'any', not {value:?}"),
            )
            .with("option", "fileSystem")),
            _ => Ok(FileSystem::Memory),
        };
        asked.map_or_else(from_environment, Ok)
    }
}

/// Refuses the directory of a ring to create, before anything is done there.
pub(super) fn admit_directory(location: &Location, asked: Option<FileSystem>) -> Result<()> {
    match admit(&location.directory.display(), statfs(location), asked) {
        // That there is no such directory is what has to be said then.
        Err(error) if error.code == Code::Unsupported && !location.directory.is_dir() => Ok(()),
        admitted => admitted,
    }
}

/// Refuses a file under a ring's name, before anything in it is believed: it may be mounted there.
pub(super) fn admit_file(file: &File, location: &Location, asked: Option<FileSystem>) -> Result<()> {
    admit(&location.path.display(), file_system(file), asked)
}

/// What cannot be looked up is let pass: either nothing else can be done with it, and that says why, or
/// a sandbox refuses the question.
fn admit(
    path: &dyn std::fmt::Display,
    found: io::Result<libc::statfs>,
    asked: Option<FileSystem>,
) -> Result<()> {
    // An f_type is a number of 32 bits, which C libraries extend in different ways.
    let kind = found.map(|stats| stats.f_type as u32);
    if FileSystem::or_default(asked)? == FileSystem::Any
        || kind.as_ref().map_or(true, |&kind| is_memory(kind))
    {
        return Ok(());
    }
    let kind = kind.unwrap_or_default();
    let name = name_of(kind).map_or_else(|| format!("{kind:#x}"), |name| format!("{name} ({kind:#x})"));
    Err(Error::new(
        Code::Unsupported,
        format!(
            "{path} lies on a file system of the type {name}, not on a tmpfs: another kernel may share it \
             without seeing who lives; use a tmpfs such as /dev/shm, or, if processes of one kernel alone \
             use it, say so by fileSystem: 'any' or {VARIABLE}=any"
        ),
    )
    .with("option", "fileSystem")
    .with("found", name))
}

const RAMFS: u32 = 0x8584_58f6;

fn is_memory(kind: u32) -> bool {
    [libc::TMPFS_MAGIC as u32, RAMFS, libc::HUGETLBFS_MAGIC as u32].contains(&kind)
}

/// What people call it.
fn name_of(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0x0000_9fa0 => "proc",
        0x0000_6969 => "NFS",
        0x0000_ef53 => "ext2, ext3 or ext4",
        0x00c3_6400 => "Ceph",
        0x0102_1997 => "9p",
        0x2fc1_2fc1 => "ZFS",
        0x5346_544e => "NTFS",
        0x5846_5342 => "XFS",
        0x6573_5546 => "FUSE or virtiofs",
        0x6265_6572 => "sysfs",
        0x786f_4256 => "vboxsf",
        0x794c_7630 => "overlayfs",
        0x9123_683e => "Btrfs",
        0xca45_1a4e => "bcachefs",
        0xf2f5_2010 => "F2FS",
        0xfe53_4d42 | 0xff53_4d42 => "SMB",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: u32) -> io::Result<libc::statfs> {
        // SAFETY: a plain struct of integers, for which zero is a value.
        let mut stats: libc::statfs = unsafe { std::mem::zeroed() };
        // As a C library with a signed field of 32 bits would extend it, and one with an unsigned.
        stats.f_type = if kind.is_multiple_of(2) { kind.cast_signed() as _ } else { kind as _ };
        Ok(stats)
    }

    #[test]
    fn only_the_memory_of_one_kernel_is_accepted_unless_told() {
        for kind in [0x0102_1994, RAMFS, 0x9584_58f6] {
            admit(&"/x", of(kind), Some(FileSystem::Memory)).unwrap();
        }
        for kind in [0x6573_5546, 0x0102_1997, 0x794c_7630, 0xef53, 0xfe53_4d42, 0x6969, 0x1234] {
            let error = admit(&"/x", of(kind), Some(FileSystem::Memory)).unwrap_err();
            assert_eq!(error.code, Code::Unsupported);
            assert!(error.message.contains(&format!("{kind:#x}")), "{error}");
            assert!(error.message.contains(VARIABLE), "{error}");
            admit(&"/x", of(kind), Some(FileSystem::Any)).unwrap();
        }
        let error = admit(&"/x", of(0x6573_5546), Some(FileSystem::Memory)).unwrap_err();
        assert!(error.message.contains("virtiofs"), "{error}");
    }

    #[test]
    fn where_a_sandbox_does_not_let_it_be_asked_nothing_is_refused() {
        let refused = || Err(io::Error::from_raw_os_error(libc::EPERM));
        admit(&"/x", refused(), Some(FileSystem::Memory)).unwrap();
    }
}
