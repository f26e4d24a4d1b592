//! Removing names: only ever the name of the segment that was meant.
//!
//! Linux can remove a name, not "this name if it leads to this file". Everybody here who removes a
//! name therefore holds the lock of [`locks::REMOVAL`] on the file to which it leads, and looks at
//! the name once more under that lock: a name that leads to a file whose lock I hold is not changed
//! by another of us. What remains is a foreign program that removes the name by hand (`rm`) *and* a
//! new ring created under it, both between that look and the next system call.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use super::Segment;
use super::name::Location;
use super::open::{PATIENCE, cannot, find, foreign, open_held, pause, read_header, trust};
use super::system::{Inode, reopen};
use crate::error::{Code, Error, Result};
use crate::layout::{Lifetime, locks};
use crate::lock::{self, Liveness, same_inode, try_lock, unlock};

/// What one try to remove a name met.
enum Removal {
    Removed,
    /// The name leads elsewhere or is gone.
    NotThere,
    /// Somebody else is removing it.
    Busy,
}

/// Removes the segment of that name; whoever is attached keeps it. False: there was none. A file
/// that is no valid segment is removed too, which is how one gets rid of it.
pub fn unlink(name: &str, directory: Option<&Path>) -> Result<bool> {
    let location = Location::new(name, directory)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Some((held, metadata)) = find(&location)? else {
            return Ok(false);
        };
        if metadata.is_dir() {
            open_held(&held, &location, false)?;
        }
        let inode = Inode::of(&metadata);
        let removal = match open_held(&held, &location, true) {
            Ok(file) => remove(&location, inode, &file)?,
            // No regular file, or none that we may open: there is no lock to take. Whether we may
            // remove it is for the directory to say.
            Err(error) if matches!(error.code, Code::Corrupt | Code::Permission) => {
                remove_now(&location, inode)?
            }
            Err(error) => return Err(error),
        };
        match removal {
            Removal::Removed => return Ok(true),
            Removal::NotThere | Removal::Busy => pause(deadline, &location)?,
        }
    }
}

/// Removes the name of one segment, if it still has it.
pub(super) fn unlink_segment(segment: &Segment) -> Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Without asking for the lock where nothing is left to remove.
        if segment.is_stale() {
            return Ok(false);
        }
        let own = own_description(segment)?;
        match remove(&segment.location, segment.inode, &own)? {
            Removal::Removed => return Ok(true),
            Removal::NotThere => return Ok(false),
            Removal::Busy => pause(deadline, &segment.location)?,
        }
    }
}

/// After detaching from an attached segment: removes it if nobody else is attached. Of several who
/// detach at once, the last to let go of its lock finds nobody.
pub(super) fn unlink_if_last(segment: &Segment) -> Result<()> {
    remove_if_unattached(&segment.location, segment.inode, &own_description(segment)?)
}

/// The same for a process that ends: by the name, if it still leads to that segment.
pub(super) fn unlink_unattached(location: &Location, inode: Inode) -> Result<()> {
    match find(location)? {
        Some((held, metadata)) if Inode::of(&metadata) == inode => {
            remove_if_unattached(location, inode, &open_held(&held, location, true)?)
        }
        _ => Ok(()),
    }
}

fn remove_if_unattached(location: &Location, inode: Inode, own: &File) -> Result<()> {
    if try_lock(own, locks::ATTACHED, lock::Share::Exclusive)? {
        let removal = remove(location, inode, own);
        unlock(own, locks::ATTACHED);
        removal?;
    }
    Ok(())
}

fn own_description(segment: &Segment) -> Result<File> {
    segment.with_file(|file| {
        let own = reopen(file, true).map_err(|error| cannot("open", &error, &segment.location))?;
        same_inode(&own, segment.inode)?;
        Ok(own)
    })
}

/// Whether anything has that name.
pub(super) fn exists(location: &Location) -> Result<bool> {
    match Inode::at(&location.path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(cannot("lstat", &error, location)),
    }
}

/// Removes an attached segment to which nobody is attached, because all who were have been killed.
/// True: the name is free, or was a moment ago.
pub(super) fn replace_abandoned(location: &Location) -> Result<bool> {
    let Some((held, metadata)) = find(location)? else {
        return Ok(true);
    };
    if !metadata.is_file() || metadata.nlink() == 0 {
        return Ok(metadata.nlink() == 0);
    }
    let judged = open_held(&held, location, true).and_then(|file| {
        let header = read_header(&file, &metadata, location)?;
        trust(&metadata, &header, location)?;
        Ok((file, header))
    });
    let (file, header) = match judged {
        Ok(judged) => judged,
        // Not for want of descriptors, say: then nobody knows whose it is.
        Err(error) if error.code == Code::System => return Err(error),
        // A file that is not certainly ours to remove stays.
        Err(_) => return Ok(false),
    };
    // Asking first: taking the lock makes newcomers wait.
    if header.lifetime != Lifetime::Attached
        || lock::probe(&file, locks::ATTACHED)? == Liveness::Alive
        || !try_lock(&file, locks::ATTACHED, lock::Share::Exclusive)?
    {
        return Ok(false);
    }
    let removal = remove(location, Inode::of(&metadata), &file);
    unlock(&file, locks::ATTACHED);
    Ok(!matches!(removal?, Removal::Busy))
}

/// Removes the name if it leads to `inode`, of which `own` is a description nobody else uses.
fn remove(location: &Location, inode: Inode, own: &File) -> Result<Removal> {
    if !try_lock(own, locks::REMOVAL, lock::Share::Exclusive)? {
        return Ok(Removal::Busy);
    }
    let removal = remove_now(location, inode);
    unlock(own, locks::REMOVAL);
    removal
}

fn remove_now(location: &Location, inode: Inode) -> Result<Removal> {
    match Inode::at(&location.path) {
        Ok(found) if found == inode => {}
        Ok(_) => return Ok(Removal::NotThere),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Removal::NotThere),
        Err(error) => return Err(cannot("lstat", &error, location)),
    }
    match std::fs::remove_file(&location.path) {
        Ok(()) => Ok(Removal::Removed),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EISDIR)) => {
            Ok(Removal::NotThere)
        }
        Err(error) => Err(unremovable(&error, location)),
    }
}

/// In a directory that is sticky, as /dev/shm is, a file is its owner's to remove.
fn unremovable(error: &io::Error, location: &Location) -> Error {
    match std::fs::symlink_metadata(&location.path) {
        Ok(metadata) if error.raw_os_error() == Some(libc::EPERM) => Error::new(
            Code::Permission,
            format!(
                "{} {}, and its directory lets that user alone remove it; run as that user",
                location.path.display(),
                foreign(metadata.uid())
            ),
        )
        .with("syscall", "unlink")
        .with("errno", libc::EPERM.unsigned_abs()),
        _ => cannot("unlink", error, location),
    }
}
