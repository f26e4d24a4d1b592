//! Creating: a segment gets its name when it is whole, so that nobody ever sees a part of one.

use std::fs::{File, OpenOptions as FileOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Segment;
use super::creators::{Creating, Patience};
use super::exit::Attachment;
use super::file_system::admit_directory;
use super::header::Header;
use super::name::Location;
use super::open::{Attempt, allocate, attempt, busy, cannot, is_full, missing, pause, unused_name};
use super::options::{Access, CreateOptions};
use super::space::{Space, no_space};
use super::sweep::sweep;
use super::system::{Description, Inode, proc_path, random, retry};
use super::unlink::{exists, replace_abandoned};
use crate::error::{Code, Error, Result};
use crate::layout::{Lifetime, locks};
use crate::lock::{self, ByteLock};
use crate::mapping::Mapping;
use crate::pages::{PageOptions, page_size};

/// What one try to create met.
#[expect(clippy::large_enum_variant, reason = "lives for a moment, once a call")]
enum Made {
    Segment(Segment),
    Taken,
    Full,
}

pub(super) fn create(name: &str, options: &CreateOptions) -> Result<Segment> {
    let location = Location::new(name, options.directory.as_deref())?;
    let header = plan(options, Lifetime::Persistent)?;
    admit_directory(&location, options.file_system)?;
    let mut patience = Patience::new();
    loop {
        // Looking first spares the allocation, and on a full tmpfs tells "taken" from "full".
        if exists(&location)? && !replace_abandoned(&location)? {
            return Err(Error::new(
                Code::Exists,
                format!(
                    "there is a ring {name:?} in {} already; open it, or unlink it first",
                    location.directory.display()
                ),
            ));
        }
        if let Some(segment) = make_or_wait(&location, &header, options, &mut patience)? {
            return Ok(segment);
        }
    }
}

pub(super) fn open_or_create(name: &str, options: &CreateOptions) -> Result<Segment> {
    let location = Location::new(name, options.directory.as_deref())?;
    let header = plan(options, Lifetime::Persistent)?;
    admit_directory(&location, options.file_system)?;
    let mut patience = Patience::new();
    let accept = |header: &Header| options.accept(header);
    loop {
        // A file that this cannot judge is for the open below to explain.
        let _ = replace_abandoned(&location);
        match attempt(&location, Access::Attach, options.file_system, options.pages, &accept)? {
            Attempt::Opened(segment) => return Ok(segment),
            Attempt::Missing => {
                if let Some(segment) = make_or_wait(&location, &header, options, &mut patience)? {
                    return Ok(segment);
                }
            }
            Attempt::Moved => pause(patience.deadline, &location)?,
        }
    }
}

pub(super) fn temporary(options: &CreateOptions) -> Result<Segment> {
    let header = plan(options, Lifetime::Attached)?;
    let mut location = Location::new(&unused_name()?, options.directory.as_deref())?;
    admit_directory(&location, options.file_system)?;
    sweep(options.directory.as_deref());
    let mut patience = Patience::new();
    loop {
        if let Some(segment) = make_or_wait(&location, &header, options, &mut patience)? {
            return Ok(segment);
        }
        location = Location::new(&unused_name()?, options.directory.as_deref())?;
    }
}

/// The header of the segment to create.
fn plan(options: &CreateOptions, lifetime: Lifetime) -> Result<Header> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(Header {
        layout: options.layout()?,
        mode: options.share_or_default().mode(),
        lifetime: options.lifetime.unwrap_or(lifetime),
        id: random()?,
        created: now.map_or(0, |now| now.as_millis() as u64),
    })
}

/// Makes the segment, or waits a moment where another creator may be in the way. `None`: look at
/// the name again.
fn make_or_wait(
    location: &Location,
    header: &Header,
    options: &CreateOptions,
    patience: &mut Patience,
) -> Result<Option<Segment>> {
    let creating = Creating::begin(location);
    match make(location, header, options.pages)? {
        Made::Segment(segment) => Ok(Some(segment)),
        Made::Taken if patience.is_over() => Err(busy(location)),
        Made::Taken => Ok(None),
        Made::Full => {
            // Creators that race may fill a small tmpfs with files of which all but one will be
            // given up. That is no reason to wait where the segment could never fit.
            let space = Space::of(location);
            let needed = header.layout.size.next_multiple_of(space.page) as u64;
            let never = space.total.is_some_and(|total| total < needed);
            if never || !patience.after_full(creating.others(), space.free) {
                return Err(no_space(location, header.layout.size));
            }
            drop(creating);
            pause(patience.deadline, location)?;
            Ok(None)
        }
    }
}

/// Makes a file without a name, completes it, and links it under its name.
fn make(location: &Location, header: &Header, pages: PageOptions) -> Result<Made> {
    let file = match nameless(location) {
        Ok(file) => file,
        Err(error) if is_full(&error) => return Ok(Made::Full),
        Err(error) => return Err(explain(&error, location)),
    };
    // In whole pages: a hugetlbfs would lengthen the file itself as soon as it is mapped.
    let size = header.layout.size.next_multiple_of(page_size(&file)) as u64;
    below_file_limit(size)?;
    match allocate(&file, size, 0) {
        Ok(()) => {}
        Err(error) if is_full(&error) => return Ok(Made::Full),
        Err(error) => return Err(cannot("fallocate", &error, location)),
    }
    // Not by the mode of `open`, from which the umask is taken.
    file.set_permissions(Permissions::from_mode(header.mode))
        .map_err(|error| cannot("fchmod", &error, location))?;
    let metadata = file.metadata().map_err(|error| cannot("fstat", &error, location))?;
    let inode = Inode::of(&metadata);
    // What can fail comes before the name, which nothing would take back.
    let mapped = Mapping::new(&file, header.layout.size, true, pages)?;
    mapped.initialise(&header.encode());
    // And a newcomer must never find an attached segment to which nobody is attached.
    let attachment = match header.lifetime {
        Lifetime::Attached => match ByteLock::take(&file, inode, locks::ATTACHED, lock::Share::Shared)? {
            Some(lock) => Some(lock),
            None => return Ok(Made::Taken),
        },
        Lifetime::Persistent => None,
    };
    let description = Description::adopt(file)?;
    match link(&description, location) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => return Ok(Made::Taken),
        Err(error) if is_full(&error) => return Ok(Made::Full),
        Err(error) => return Err(cannot("linkat", &error, location)),
    }
    Ok(Made::Segment(Segment {
        location: location.clone(),
        header: header.clone(),
        access: Access::Attach,
        pages,
        inode,
        description: Mutex::new(description),
        attachment: attachment.map(|lock| Attachment::new(lock, location, inode)),
        mapped: Mutex::new(Some(mapped)),
    }))
}

/// A file that vanishes with its last descriptor unless it is linked.
fn nameless(location: &Location) -> io::Result<File> {
    FileOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_TMPFILE | libc::O_CLOEXEC)
        .mode(0o600)
        .open(&location.directory)
}

fn link(description: &Description, location: &Location) -> io::Result<()> {
    let from = std::ffi::CString::new(proc_path(description.file()))?;
    let to = std::ffi::CString::new(location.path.as_os_str().as_bytes())?;
    let at = libc::AT_FDCWD;
    // SAFETY: two terminated strings that live through the call.
    retry(|| unsafe { libc::linkat(at, from.as_ptr(), at, to.as_ptr(), libc::AT_SYMLINK_FOLLOW) }).map(drop)
}

fn explain(error: &io::Error, location: &Location) -> Error {
    match error.raw_os_error() {
        // What a file system or an old kernel without O_TMPFILE says of a directory.
        Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL) => Error::new(
            Code::Unsupported,
            format!(
                "the file system of {} has no O_TMPFILE; use a tmpfs such as /dev/shm",
                location.directory.display()
            ),
        ),
        Some(libc::ENOENT) => missing(location),
        _ => cannot("open", error, location),
    }
}

/// Growing a file beyond `ulimit -f` does not fail, it kills the process by SIGXFSZ.
fn below_file_limit(size: u64) -> Result<()> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: fills the struct, which is alive.
    let known = retry(|| unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) }).is_ok();
    if known && limit.rlim_cur != libc::RLIM_INFINITY && size > limit.rlim_cur {
        return Err(Error::new(
            Code::NoSpace,
            format!(
                "a segment of {size} bytes is beyond the limit for files of {} bytes; raise \
                 `ulimit -f` or choose a smaller capacity",
                limit.rlim_cur
            ),
        )
        .with("needed", size)
        .with("free", limit.rlim_cur));
    }
    Ok(())
}
