//! A named segment: the file, who may open it, who is attached, when it goes.

pub(crate) mod apart;
mod create;
mod creators;
mod exit;
mod file_system;
mod header;
mod list;
mod name;
mod open;
mod options;
mod shortage;
pub(crate) mod signals;
mod space;
mod sweep;
pub(crate) mod system;
mod unlink;

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

pub use file_system::FileSystem;
pub use list::{Info, list};
pub use options::{Access, CreateOptions, DEFAULT_KIND, OpenOptions, Share};
pub use unlink::unlink;

use crate::error::Result;
use crate::layout::{Layout, Lifetime};
use crate::lock::{self, Liveness};
use crate::mapping::Mapping;
use crate::pages::PageOptions;
use exit::Attachment;
use header::Header;
use name::Location;
use system::{Description, Inode};

/// One attachment to a segment. Handles take their locks and mappings from it and may outlive it.
#[derive(Debug)]
pub struct Segment {
    location: Location,
    header: Header,
    access: Access,
    pages: PageOptions,
    inode: Inode,
    /// A description that never holds a lock: everything is asked, mapped and opened through it.
    description: Mutex<Description>,
    /// Held by whoever may be the last to detach of an attached segment.
    attachment: Option<Attachment>,
    /// A creator's, for the first handle's [`Segment::map`]: made before the segment got its name, so that a
    /// process that cannot map one leaves no file.
    mapped: Mutex<Option<Mapping>>,
}

impl Segment {
    /// Creates a segment; `EXISTS` when the name is taken. An attached segment to which nobody is
    /// attached any more, because all were killed, does not count and is replaced.
    pub fn create(name: &str, options: &CreateOptions) -> Result<Segment> {
        create::create(name, options)
    }

    /// Opens the segment of that name; `NOT_FOUND` when there is none.
    pub fn open(name: &str, options: &OpenOptions) -> Result<Segment> {
        open::open(name, options)
    }

    /// Opens the segment of that name or creates it. Of many who race, all get the same one.
    pub fn open_or_create(name: &str, options: &CreateOptions) -> Result<Segment> {
        create::open_or_create(name, options)
    }

    /// Creates a segment under a name that nobody has, attached unless asked otherwise.
    pub fn temporary(options: &CreateOptions) -> Result<Segment> {
        create::temporary(options)
    }

    pub fn layout(&self) -> &Layout {
        &self.header.layout
    }

    pub fn name(&self) -> &str {
        &self.location.name
    }

    pub fn directory(&self) -> &Path {
        &self.location.directory
    }

    /// The random identity of this segment, not of its name: 32 hexadecimal digits.
    pub fn id(&self) -> String {
        hexadecimal(&self.header.id)
    }

    /// Permission bits of the file.
    pub fn mode(&self) -> u32 {
        self.header.mode
    }

    pub fn lifetime(&self) -> Lifetime {
        self.header.lifetime
    }

    pub fn access(&self) -> Access {
        self.access
    }

    /// When the segment was created, in milliseconds since 1970.
    pub fn created(&self) -> u64 {
        self.header.created
    }

    /// Maps the whole segment; read-only where the access is `Inspect`.
    pub fn map(&self) -> Result<Mapping> {
        if let Some(mapping) = self.mapped.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(mapping);
        }
        let writable = self.access == Access::Attach;
        self.with_file(|file| Mapping::new(file, self.header.layout.size, writable, self.pages))
    }

    /// Maps what lies before the data: all that those need who look at no record. Where huge pages are
    /// wanted it is the whole, of which alone can be told what came of that.
    pub fn map_without_data(&self) -> Result<Mapping> {
        if self.pages.huge {
            return self.map();
        }
        let writable = self.access == Access::Attach;
        let length = self.header.layout.data;
        let mapping = self.with_file(|file| Mapping::new(file, length, writable, self.pages));
        // A creator's file has its name by now, and no refusal may follow that.
        mapping
            .or_else(|error| self.mapped.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(error))
    }

    /// Whether the name no longer leads to this segment, so that no newcomer can find it. A name
    /// that cannot be looked up, for whatever other reason than its absence, is not called stale.
    pub fn is_stale(&self) -> bool {
        match Inode::at(&self.location.path) {
            Ok(found) => found != self.inode,
            Err(error) => matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP)),
        }
    }

    /// Removes the name if it still leads to this segment, never a successor's. False: it does not.
    pub fn unlink(&self) -> Result<bool> {
        unlink::unlink_segment(self)
    }

    /// Whether anybody holds the lock of the byte at `at`. "Dead" is certain.
    pub fn probe(&self, at: usize) -> Result<Liveness> {
        self.with_file(|file| lock::probe(file, at))
    }

    /// Calls `with` with a quick way to probe, for many probes in one go: what makes sure that the answers
    /// came from this segment costs as much as a probe, and is done once.
    pub fn probing<T>(&self, with: impl Fn(&lock::Probe) -> Result<T>) -> Result<T> {
        let description = self.description.lock().unwrap_or_else(PoisonError::into_inner).borrow();
        let result = with(&|at| lock::probe(description.file(), at));
        if description.intact() { result } else { with(&|at| self.probe(at)) }
    }

    /// Detaches, as dropping does.
    pub fn close(self) {}

    pub(crate) fn inode(&self) -> Inode {
        self.inode
    }

    /// Calls `with` on the description that never holds a lock. The result is believed only if the
    /// number still led to that description afterwards; if not, it is opened again by its name.
    pub(crate) fn with_file<T>(&self, with: impl Fn(&File) -> Result<T>) -> Result<T> {
        let mut description = self.description.lock().unwrap_or_else(PoisonError::into_inner);
        let result = with(description.file());
        if description.intact() {
            return result;
        }
        drop(result);
        *description = open::again(&self.location, self.inode, self.access)?;
        let result = with(description.file());
        if description.intact() { result } else { Err(lock::stolen()) }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        let Some(attachment) = self.attachment.take() else {
            return;
        };
        if attachment.is_inherited() {
            return;
        }
        // First let go, then try to be alone. Whoever tries while still attached can meet another
        // who does the same, and then neither is the last.
        drop(attachment);
        // What fails here is repaired by the next create of this name.
        let _ = unlink::unlink_if_last(self);
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
