//! Opening by name: nothing in the file is believed before the file itself is.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::exit::Attachment;
use super::file_system::{FileSystem, admit_file};
use super::header::{Header, about, unusable};
use super::name::{Location, TEMPORARY};
use super::options::{Access, OpenOptions, Share, admit};
use super::signals::without_signals;
use super::space::no_space;
use super::system::{Description, Inode, failure, hold, random, reopen, retry};
use super::{Segment, hexadecimal};
use crate::error::{Code, Error, Result};
use crate::layout::{self, Lifetime, PAGE, locks};
use crate::lock::{self, ByteLock, stolen};
use crate::pages::{PageOptions, page_size};

/// How long a call goes on when others create, remove or fill up the file system meanwhile. No
/// verdict hangs on it: at its end there is an error.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// What one try to open a name met.
#[expect(clippy::large_enum_variant, reason = "lives for a moment, once a call")]
pub(super) enum Attempt {
    Opened(Segment),
    Missing,
    /// It was removed while we looked, or is being removed.
    Moved,
}

pub(super) fn open(name: &str, options: &OpenOptions) -> Result<Segment> {
    let location = Location::new(name, options.directory.as_deref())?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let accept = |header: &Header| admit(options.share, header);
        match attempt(&location, options.access, options.file_system, options.pages, &accept)? {
            Attempt::Opened(segment) => return Ok(segment),
            Attempt::Missing => return Err(missing(&location)),
            Attempt::Moved => pause(deadline, &location)?,
        }
    }
}

/// Tries once. `accept` sees the header before the file is trusted with anything.
pub(super) fn attempt(
    location: &Location,
    access: Access,
    file_system: Option<FileSystem>,
    pages: PageOptions,
    accept: &dyn Fn(&Header) -> Result<()>,
) -> Result<Attempt> {
    let Some((held, metadata)) = find(location)? else {
        return Ok(Attempt::Missing);
    };
    if metadata.nlink() == 0 {
        return Ok(Attempt::Moved);
    }
    if metadata.is_file() {
        admit_file(&held, location, file_system)?;
    }
    let file = open_held(&held, location, access == Access::Attach)?;
    drop(held);
    let header = read_header(&file, &metadata, location)?;
    accept(&header)?;
    trust(&metadata, &header, location)?;
    fill(&file, &metadata, access, location)?;

    let inode = Inode::of(&metadata);
    let description = Description::adopt(file)?;
    let attachment = match (header.lifetime, access) {
        (Lifetime::Attached, Access::Attach) => {
            let (file, byte) = (description.file(), locks::ATTACHED);
            match ByteLock::take(file, inode, byte, lock::Share::Shared)? {
                Some(lock) => Some(Attachment::new(lock, location, inode)),
                None => return Ok(Attempt::Moved),
            }
        }
        _ => None,
    };
    // From here on the drop of the segment undoes everything, the attachment included.
    let segment = Segment {
        location: location.clone(),
        header,
        access,
        pages,
        inode,
        description: Mutex::new(description),
        attachment,
        mapped: Mutex::new(None),
    };
    // Only now: whoever removed the name before did not see our lock, whoever does later will.
    if segment.is_stale() {
        return Ok(Attempt::Moved);
    }
    Ok(Attempt::Opened(segment))
}

/// The file under the name, held but not opened. `None`: there is no such name.
pub(super) fn find(location: &Location) -> Result<Option<(File, Metadata)>> {
    let held = match hold(&location.path) {
        Ok(held) => held,
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(None),
        Err(error) => return Err(cannot("open", &error, location)),
    };
    let metadata = held.metadata().map_err(|error| cannot("fstat", &error, location))?;
    Ok(Some((held, metadata)))
}

/// Opens a regular file that is held.
pub(super) fn open_held(held: &File, location: &Location, writable: bool) -> Result<File> {
    let metadata = held.metadata().map_err(|error| cannot("fstat", &error, location))?;
    let kind = metadata.file_type();
    if !kind.is_file() {
        let what = if kind.is_symlink() {
            "a symbolic link"
        } else if kind.is_dir() {
            "a directory"
        } else {
            "a FIFO, socket or device"
        };
        return Err(Error::new(
            Code::Corrupt,
            format!("{} is {what} and no segment; remove it or use another name", location.path.display()),
        )
        .with("offset", 0u64)
        .with("expected", "a regular file")
        .with("found", what));
    }
    reopen(held, writable).map_err(|error| match error.raw_os_error() {
        Some(libc::EACCES) => refused(&error, &metadata, location),
        _ => cannot("open", &error, location),
    })
}

/// The error where the mode of a file does not let this process open it: whose it is, and what that
/// user can do.
fn refused(error: &io::Error, metadata: &Metadata, location: &Location) -> Error {
    let (user, group, mode) = (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777);
    let me = this_user();
    let why = if user == me {
        format!(
            "has mode {mode:04o}, which does not let its own user open it; set it back to 0600, or to 0660 \
             if it was created with share 'group', or unlink the ring"
        )
    } else if mode != Share::Group.mode() {
        format!("{}; run as that user, or create it with share 'group'", foreign(user))
    } else if !is_member(group) {
        format!(
            "{}, and is shared with group {group}, to which this process does not belong; run as that user \
             or in that group",
            foreign(user)
        )
    } else {
        return cannot("open", error, location);
    };
    Error::new(Code::Permission, format!("{} {why}", location.path.display()))
        .with("syscall", "open")
        .with("errno", libc::EACCES.unsigned_abs())
}

/// The user that counts when files are opened.
fn this_user() -> u32 {
    // SAFETY: has no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

/// Of a file that is not this user's.
pub(super) fn foreign(owner: u32) -> String {
    format!("belongs to user {owner}, not to user {} of this process", this_user())
}

fn is_member(group: u32) -> bool {
    // SAFETY: has no arguments and cannot fail.
    if unsafe { libc::getegid() } == group {
        return true;
    }
    // SAFETY: asks for the count alone.
    let count = unsafe { libc::getgroups(0, std::ptr::null_mut()) };
    let mut groups = vec![0; usize::try_from(count).unwrap_or(0)];
    // SAFETY: as much room as the first argument says. Where there are more by now, none is filled in.
    let count = unsafe { libc::getgroups(groups.len() as libc::c_int, groups.as_mut_ptr()) };
    groups[..usize::try_from(count).unwrap_or(0)].contains(&group)
}

/// Reads and checks the header, and that the file is as long as it says.
pub(super) fn read_header(file: &File, metadata: &Metadata, location: &Location) -> Result<Header> {
    let mut page = [0; PAGE];
    let mut filled = 0;
    while filled < PAGE {
        match file.read_at(&mut page[filled..], filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot("pread", &error, location)),
        }
    }
    let header = Header::decode(&page[..filled]).and_then(|header| {
        let (expected, found) = (header.layout.size.next_multiple_of(page_size(file)), metadata.len());
        if found == expected as u64 {
            return Ok(header);
        }
        Err(unusable("it is not as long as its header says", layout::header::SIZE, expected, found))
    });
    header.map_err(|error| about(&location.path, error))
}

/// Whether the file can only have been changed by those whom its header names.
pub(super) fn trust(metadata: &Metadata, header: &Header, location: &Location) -> Result<()> {
    let path = location.path.display();
    let refused = |why: String| Err(Error::new(Code::Permission, format!("{path} {why}")));
    if metadata.uid() != this_user() && Share::of_mode(header.mode) == Share::Owner {
        return refused(format!(
            "{}; run as that user, or create it with share 'group'",
            foreign(metadata.uid())
        ));
    }
    let mode = metadata.mode() & 0o7777;
    if mode != header.mode {
        return refused(format!(
            "has mode {mode:04o}, but was created with {:04o}; set it back if you know who changed \
             it, or unlink the ring",
            header.mode
        ));
    }
    if metadata.nlink() > 1 {
        return refused(format!("has {} names; remove the other hard links", metadata.nlink()));
    }
    Ok(())
}

/// Sees to it that every block exists: a hole on a full tmpfs is a SIGBUS for whoever touches it.
fn fill(file: &File, metadata: &Metadata, access: Access, location: &Location) -> Result<()> {
    if metadata.blocks().saturating_mul(512) >= metadata.len() {
        return Ok(());
    }
    if access == Access::Inspect {
        return Err(Error::new(
            Code::Corrupt,
            format!(
                "{} has holes, which an inspector must not fill; attach to it once",
                location.path.display()
            ),
        )
        .with("expected", metadata.len())
        .with("found", metadata.blocks().saturating_mul(512)));
    }
    match allocate(file, metadata.len(), libc::FALLOC_FL_KEEP_SIZE) {
        Ok(()) => Ok(()),
        Err(error) if is_full(&error) => Err(no_space(location, metadata.len() as usize)),
        Err(error) => Err(cannot("fallocate", &error, location)),
    }
}

/// Allocates the blocks of the first `length` bytes; what is there stays.
///
/// Without signals: on a tmpfs one that comes meanwhile may end the call and undo it, so that a
/// process which gets them often (a profiler's, say) would begin anew for ever.
pub(super) fn allocate(file: &File, length: u64, flags: libc::c_int) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let length = length as libc::off64_t;
    // SAFETY: a call on an open descriptor; it touches no memory.
    without_signals(|| retry(|| unsafe { libc::fallocate64(file.as_raw_fd(), flags, 0, length) })).map(drop)
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT))
}

pub(super) fn missing(location: &Location) -> Error {
    let (name, directory) = (&location.name, location.directory.display());
    Error::new(
        Code::NotFound,
        if location.directory.is_dir() {
            format!("there is no ring {name:?} in {directory}; create it first")
        } else {
            format!("there is no ring {name:?}: the directory {directory} does not exist")
        },
    )
}

/// Opens a known segment again after its descriptor was lost.
pub(super) fn again(location: &Location, inode: Inode, access: Access) -> Result<Description> {
    let (held, metadata) = find(location)?.ok_or_else(stolen)?;
    if Inode::of(&metadata) != inode {
        return Err(stolen());
    }
    Description::adopt(open_held(&held, location, access == Access::Attach)?)
}

/// Waits 1 to 20 ms, at random so that those who met once do not meet again; an error when the
/// patience is over.
pub(super) fn pause(deadline: Instant, location: &Location) -> Result<()> {
    if Instant::now() >= deadline {
        return Err(busy(location));
    }
    let [random] = random()?;
    std::thread::sleep(Duration::from_millis(1 + u64::from(random) % 20));
    Ok(())
}

pub(super) fn busy(location: &Location) -> Error {
    Error::new(
        Code::Busy,
        format!(
            "{} is being removed or created anew by other processes that do not finish; try again, \
             or look for a stopped process",
            location.path.display()
        ),
    )
}

pub(super) fn cannot(syscall: &'static str, error: &io::Error, location: &Location) -> Error {
    failure(syscall, error, &format!("cannot use {}", location.path.display()))
}

/// A name that nobody has.
pub(super) fn unused_name() -> Result<String> {
    Ok(format!("{TEMPORARY}{}", hexadecimal(&random::<16>()?)))
}
