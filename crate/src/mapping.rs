//! Mappings of a segment's file: the one module that uses `mmap-io`, by its raw tier.

use std::fs::File;
use std::io;

use mmap_io::raw::{RawMmap, RawMmapMut, RawMmapOptions};

use crate::error::{Error, Result};
use crate::layout::PAGE;
use crate::segment::system::failure;

/// What keeps the pages mapped.
#[derive(Debug)]
#[expect(dead_code, reason = "held for their drop")]
enum Pages {
    Shared(RawMmapMut),
    ReadOnly(RawMmap),
}

/// The whole segment in this process's memory. Nothing here makes a reference to the bytes: other
/// processes write them.
///
/// A forked child does not get it (`MADV_DONTFORK`): it has none of the locks, so two processes
/// would believe themselves the owner of one slot and tear each other's records. Touching the
/// range there ends the child and disturbs nobody.
#[derive(Debug)]
pub struct Mapping {
    pages: Unforked<Pages>,
    base: *mut u8,
    length: usize,
    writable: bool,
}

// SAFETY: an address range is valid in every thread; the pointer is only handed out.
unsafe impl Send for Mapping {}
// SAFETY: as above; replacing the pages is one system call, during which no address is unmapped.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `length` bytes of `file`, which must have them.
    pub fn new(file: &File, length: usize, writable: bool) -> Result<Mapping> {
        let mut options = RawMmapOptions::new();
        options.len(length);
        let explain = |error: io::Error| failure("mmap", &error, "cannot map the segment");
        let (pages, base) = if writable {
            // SAFETY: only the address is used, never the slices; the blocks are allocated, and
            // that nobody truncates the file is what same-user peers are trusted with.
            let mut map = unsafe { options.map_mut(file) }.map_err(explain)?;
            let base = map.as_mut_ptr();
            (Pages::Shared(map), base)
        } else {
            // SAFETY: as above.
            let map = unsafe { options.map(file) }.map_err(explain)?;
            let base = map.as_ptr().cast_mut();
            (Pages::ReadOnly(map), base)
        };
        let mapping = Mapping { pages: Unforked::new(pages), base, length, writable };
        keep_from_children(mapping.base, length)?;
        Ok(mapping)
    }

    pub fn base(&self) -> *mut u8 {
        self.base
    }

    pub fn length(&self) -> usize {
        self.length
    }

    pub fn writable(&self) -> bool {
        self.writable
    }

    /// Replaces the pages by anonymous ones, so that a view which escaped reads zeros instead of
    /// faulting. The address range is given back when the mapping is dropped.
    pub fn retire(&self) -> Result<()> {
        if self.pages.is_inherited() {
            return Ok(());
        }
        let mut protection = libc::PROT_READ;
        if self.writable {
            protection |= libc::PROT_WRITE;
        }
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
        // SAFETY: exactly the range of our own mapping; nobody holds a reference into it.
        let address = unsafe { libc::mmap(self.base.cast(), self.length, protection, flags, -1, 0) };
        if address == libc::MAP_FAILED {
            let error = io::Error::last_os_error();
            return Err(failure("mmap", &error, "cannot retire the segment's mapping"));
        }
        Ok(())
    }
}

/// One page that pins the description it was mapped from, and with it the description's locks.
#[derive(Debug)]
pub(crate) struct Pin(Unforked<RawMmap>);

impl Pin {
    pub fn new(file: &File) -> Result<Pin> {
        let mut options = RawMmapOptions::new();
        options.len(PAGE);
        // SAFETY: the page is never read.
        let page = unsafe { options.map(file) }
            .map_err(|error| failure("mmap", &error, "cannot map a page for a lock"))?;
        keep_from_children(page.as_ptr().cast_mut(), PAGE)?;
        Ok(Pin(Unforked::new(page)))
    }

    /// Whether this is a forked child's copy of its parent's pin: the child holds nothing.
    pub fn is_inherited(&self) -> bool {
        self.0.is_inherited()
    }
}

fn keep_from_children(base: *mut u8, length: usize) -> Result<()> {
    // SAFETY: the range of a mapping that was just made; the advice changes none of its bytes.
    if unsafe { libc::madvise(base.cast(), length, libc::MADV_DONTFORK) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    let doing = "cannot keep forked children from the segment";
    // An emulated kernel that does not know the advice says EINVAL.
    Err(match error.raw_os_error() {
        Some(libc::EINVAL) => {
            Error::new(crate::error::Code::Unsupported, format!("{doing}: this kernel has no MADV_DONTFORK"))
        }
        _ => failure("madvise", &error, doing),
    })
}

/// A mapping that forked children do not have: there its range may be anybody's by now, so that
/// their copy of the value must not unmap it.
#[derive(Debug)]
struct Unforked<T> {
    value: Option<T>,
    process: u32,
}

impl<T> Unforked<T> {
    fn new(value: T) -> Self {
        Unforked { value: Some(value), process: std::process::id() }
    }

    fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }
}

impl<T> Drop for Unforked<T> {
    fn drop(&mut self) {
        if self.is_inherited() {
            std::mem::forget(self.value.take());
        }
    }
}
