//! Mappings of a segment's file: the one module that uses `mmap-io`, by its raw tier.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use mmap_io::raw::{RawMmap, RawMmapMut, RawMmapOptions};

use crate::error::{Error, Result};
use crate::layout::PAGE;
use crate::pages::{self, PageOptions};
use crate::segment::system::failure;

/// What keeps the pages mapped.
#[derive(Debug)]
#[expect(dead_code, reason = "held for their drop")]
enum Pages {
    Shared(RawMmapMut),
    ReadOnly(RawMmap),
    /// A range of anonymous pages with the file's mapping in it; unmapped as one.
    Placed(RawMmapMut),
}

/// A segment in this process's memory, the whole of it or what lies before its data. Nothing here makes a reference to the bytes: other
/// processes write them.
///
/// A forked child does not get it (`MADV_DONTFORK`): it has none of the locks, so two processes
/// would believe themselves the owner of one slot and tear each other's records. Touching the
/// range there ends the child and disturbs nobody. Nor does a core dump get it (`MADV_DONTDUMP`): what
/// others have written there is not this process's to tell, and who wants it reads the file.
#[derive(Debug)]
pub struct Mapping {
    pages: Unforked<Pages>,
    base: *mut u8,
    length: usize,
    /// What is mapped: the length in whole pages of the file.
    extent: usize,
    /// Bytes of such a page.
    page: usize,
    writable: bool,
}

// SAFETY: an address range is valid in every thread; the pointer is only handed out.
unsafe impl Send for Mapping {}
// SAFETY: as above; replacing the pages is one system call, during which no address is unmapped.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `length` bytes of `file`, which must have them.
    pub fn new(file: &File, length: usize, writable: bool, wanted: PageOptions) -> Result<Mapping> {
        let page = pages::page_size(file);
        let extent = length.next_multiple_of(page);
        // An inspector takes the pages as they are.
        let huge = wanted.huge && writable && page == PAGE && extent >= pages::transparent_size();
        let at_multiple = if huge { at_multiple(file, extent, pages::transparent_size()) } else { None };
        let (pages, base) = match at_multiple {
            Some(mapped) => mapped,
            None => anywhere(file, extent, writable)
                .map_err(|error| failure("mmap", &error, "cannot map the segment"))?,
        };
        let mapping = Mapping { pages: Unforked::new(pages), base, length, extent, page, writable };
        keep_private(base, extent)?;
        if huge {
            pages::ask_for_huge(base, extent);
        }
        if wanted.prefault {
            pages::prefault(base, extent, writable)?;
        }
        Ok(mapping)
    }

    /// Copies `bytes` to the start, for a creator whose file nobody else has yet. Not by `write`, which
    /// a hugetlbfs has not.
    pub(crate) fn initialise(&self, bytes: &[u8]) {
        assert!(self.writable && bytes.len() <= self.length);
        // SAFETY: within the mapping, whose blocks are allocated; nobody else knows the file.
        unsafe { self.base.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// Bytes of a page of the file.
    pub fn page(&self) -> usize {
        self.page
    }

    /// Bytes of it that this process reaches by huge entries of its page table.
    pub fn huge_bytes(&self) -> Result<u64> {
        if self.page > PAGE { Ok(self.extent as u64) } else { pages::huge_bytes(self.base, self.extent) }
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
        let address = unsafe { libc::mmap(self.base.cast(), self.extent, protection, flags, -1, 0) };
        if address == libc::MAP_FAILED {
            let error = io::Error::last_os_error();
            return Err(failure("mmap", &error, "cannot retire the segment's mapping"));
        }
        Ok(())
    }
}

fn anywhere(file: &File, extent: usize, writable: bool) -> io::Result<(Pages, *mut u8)> {
    let mut options = RawMmapOptions::new();
    options.len(extent);
    // SAFETY: only the address is used, never the slices; the blocks are allocated, and that nobody
    // truncates the file is what same-user peers are trusted with.
    unsafe {
        Ok(if writable {
            let mut map = options.map_mut(file)?;
            let base = map.as_mut_ptr();
            (Pages::Shared(map), base)
        } else {
            let map = options.map(file)?;
            let base = map.as_ptr().cast_mut();
            (Pages::ReadOnly(map), base)
        })
    }
}

/// Maps a file for writing at a multiple of `step`, where alone its huge pages can be mapped as such:
/// on a tmpfs that is mounted without `huge=` the kernel does not choose such a place by itself. `None`:
/// there is no room for it.
fn at_multiple(file: &File, extent: usize, step: usize) -> Option<(Pages, *mut u8)> {
    let mut options = RawMmapOptions::new();
    options.len(extent + step);
    // A range of addresses that is ours, large enough to hold the place; the rest is never touched.
    let mut range = options.map_anon().ok()?;
    let start = range.as_mut_ptr();
    let base = start.wrapping_add(start.addr().next_multiple_of(step) - start.addr());
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_FIXED);
    // SAFETY: within that range, of which nobody has an address yet; the blocks are allocated.
    let address = unsafe { libc::mmap(base.cast(), extent, protection, flags, file.as_raw_fd(), 0) };
    if address == libc::MAP_FAILED {
        // The kernel may have unmapped its part, which may be somebody else's by now.
        std::mem::forget(range);
        return None;
    }
    Some((Pages::Placed(range), base))
}

/// One page that pins the description it was mapped from, and with it the description's locks. A huge
/// one of a hugetlbfs costs no more: it is the file's own first page.
#[derive(Debug)]
pub(crate) struct Pin(Unforked<RawMmap>);

impl Pin {
    pub fn new(file: &File) -> Result<Pin> {
        let length = pages::page_size(file);
        let mut options = RawMmapOptions::new();
        options.len(length);
        // SAFETY: the page is never read.
        let page = unsafe { options.map(file) }
            .map_err(|error| failure("mmap", &error, "cannot map a page for a lock"))?;
        keep_private(page.as_ptr().cast_mut(), length)?;
        Ok(Pin(Unforked::new(page)))
    }

    /// Whether this is a forked child's copy of its parent's pin: the child holds nothing.
    pub fn is_inherited(&self) -> bool {
        self.0.is_inherited()
    }
}

/// Keeps a mapping out of forked children and of core dumps. Once its file has no name, it would else be
/// dumped as memory of this process's own, each mapping for itself.
fn keep_private(base: *mut u8, length: usize) -> Result<()> {
    // SAFETY: the range of a mapping that was just made; the advice changes none of its bytes. It fails
    // where a sandbox refuses it, which is no reason to refuse the ring.
    unsafe { libc::madvise(base.cast(), length, libc::MADV_DONTDUMP) };
    // SAFETY: as above.
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
