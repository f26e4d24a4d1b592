//! What may be asked of a segment, and what follows where nothing was asked.

use std::path::PathBuf;

use super::file_system::FileSystem;
use super::header::Header;
use crate::error::{Code, Error, Result};
use crate::layout::{DEFAULT_CAPACITY, Kind, Layout, Lifetime, MAX_CAPACITY};
use crate::pages::PageOptions;

/// The kind where none is asked for.
pub const DEFAULT_KIND: Kind = Kind::Mpsc;

/// Who may open the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Its owner, mode 0600.
    Owner,
    /// Its owner and its group, mode 0660.
    Group,
}

impl Share {
    pub const fn name(self) -> &'static str {
        match self {
            Share::Owner => "owner",
            Share::Group => "group",
        }
    }

    pub(crate) const fn mode(self) -> u32 {
        match self {
            Share::Owner => 0o600,
            Share::Group => 0o660,
        }
    }

    /// Of a mode that the header check let through.
    pub(crate) const fn of_mode(mode: u32) -> Share {
        if mode == Share::Group.mode() { Share::Group } else { Share::Owner }
    }
}

/// What an opener wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Read, write, own slots.
    #[default]
    Attach,
    /// Look: maps read-only, takes no lock, keeps nothing alive.
    Inspect,
}

/// For [`Segment::create`](super::Segment::create) and its relatives. `None` means "not asked for":
/// a default when creating, anything when opening.
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    pub directory: Option<PathBuf>,
    pub share: Option<Share>,
    pub kind: Option<Kind>,
    /// Bytes; rounded up to a power of two and to the least of the kind.
    pub capacity: Option<u64>,
    pub lifetime: Option<Lifetime>,
    /// `None`: what the environment variable `SHMRING_FILESYSTEM` says, else `Memory`.
    pub file_system: Option<FileSystem>,
    pub pages: PageOptions,
}

/// For [`Segment::open`](super::Segment::open).
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    pub directory: Option<PathBuf>,
    /// A segment of mode 0660 is only opened where `Group` is given.
    pub share: Option<Share>,
    pub access: Access,
    /// As above.
    pub file_system: Option<FileSystem>,
    pub pages: PageOptions,
}

impl CreateOptions {
    /// The layout to create.
    pub(super) fn layout(&self) -> Result<Layout> {
        let kind = self.kind.unwrap_or(DEFAULT_KIND);
        let capacity = round(kind, self.capacity.unwrap_or(DEFAULT_CAPACITY))?;
        Layout::new(kind, capacity).ok_or_else(|| refused(capacity))
    }

    pub(super) fn share_or_default(&self) -> Share {
        self.share.unwrap_or(Share::Owner)
    }

    /// Whether what is there is what was asked for.
    pub(super) fn accept(&self, header: &Header) -> Result<()> {
        if let Some(kind) = self.kind {
            same("kind", kind.name(), header.layout.kind.name())?;
        }
        if let Some(capacity) = self.capacity {
            let capacity = round(header.layout.kind, capacity)?;
            let (found, expected) = (header.layout.capacity as u64, capacity);
            if found != expected {
                return Err(differs("capacity", &expected, &found)
                    .with("expected", expected)
                    .with("found", found));
            }
        }
        if let Some(lifetime) = self.lifetime {
            same("lifetime", lifetime.name(), header.lifetime.name())?;
        }
        if let Some(share) = self.share {
            same("share", share.name(), Share::of_mode(header.mode).name())?;
        }
        admit(self.share, header)
    }
}

/// A segment that the group may write is opened only by those who said that they trust the group.
pub(super) fn admit(share: Option<Share>, header: &Header) -> Result<()> {
    if Share::of_mode(header.mode) == Share::Group && share != Some(Share::Group) {
        return Err(Error::new(
            Code::Permission,
            "the segment is shared with its group; open it with share 'group' if you trust that \
             group",
        )
        .with("option", "share"));
    }
    Ok(())
}

fn round(kind: Kind, capacity: u64) -> Result<u64> {
    if capacity == 0 || capacity > MAX_CAPACITY {
        return Err(refused(capacity));
    }
    Ok(capacity.next_power_of_two().max(kind.min_capacity()))
}

fn refused(capacity: u64) -> Error {
    Error::new(
        Code::InvalidArgument,
        format!("a capacity of {capacity} bytes is not possible: use 1 to {MAX_CAPACITY}"),
    )
    .with("option", "capacity")
}

fn same(option: &'static str, expected: &str, found: &str) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(differs(option, &expected, &found).with("expected", expected).with("found", found))
}

fn differs(option: &'static str, expected: &dyn std::fmt::Display, found: &dyn std::fmt::Display) -> Error {
    Error::new(
        Code::Mismatch,
        format!(
            "the segment of that name has {option} {found}, not {expected}; leave the option out \
             to accept what is there, or unlink the ring first"
        ),
    )
    .with("option", option)
}
