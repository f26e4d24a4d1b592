//! How much room there is for a segment, and what to say when there is too little.

use std::io;
use std::os::unix::ffi::OsStrExt;

use super::name::Location;
use super::system::retry;
use crate::error::{Code, Error};
use crate::layout::PAGE;
use crate::pages::page_size_of;

/// Bytes of a file system. `None`: there is no limit, or nobody knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    /// Of the pages in which it gives them.
    pub page: usize,
    pub free: Option<u64>,
    pub total: Option<u64>,
}

impl Space {
    pub fn of(location: &Location) -> Space {
        let Ok(stats) = statfs(location) else { return Space { page: PAGE, free: None, total: None } };
        let page = page_size_of(&stats);
        // A mount without a limit says 0 of 0.
        let limited = stats.f_blocks != 0;
        let bytes = |blocks: u64| limited.then(|| blocks.saturating_mul(stats.f_frsize as u64));
        let mount = Space { page, free: bytes(stats.f_bavail), total: bytes(stats.f_blocks) };
        if page == PAGE { mount } else { mount.and(Space::of_pool(page)) }
    }

    /// The machine's pool of huge pages of this size, from which every hugetlbfs takes.
    fn of_pool(page: usize) -> Space {
        let pages = |what: &str| -> Option<u64> {
            let path = format!("/sys/kernel/mm/hugepages/hugepages-{}kB/{what}", page >> 10);
            std::fs::read_to_string(path).ok()?.trim().parse().ok()
        };
        let bytes = |pages: u64| pages.saturating_mul(page as u64);
        // Beyond the pages that are there the kernel may make some when they are asked for.
        let more = || Some(pages("nr_overcommit_hugepages")?.saturating_sub(pages("surplus_hugepages")?));
        let free = || Some(pages("free_hugepages")?.saturating_sub(pages("resv_hugepages")?) + more()?);
        let total = || Some(pages("nr_hugepages")? + more()?);
        Space { page, free: free().map(bytes), total: total().map(bytes) }
    }

    /// What two limits leave together.
    fn and(self, other: Space) -> Space {
        let least = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        Space { page: self.page, free: least(self.free, other.free), total: least(self.total, other.total) }
    }
}

pub(super) fn statfs(location: &Location) -> io::Result<libc::statfs> {
    let path = std::ffi::CString::new(location.directory.as_os_str().as_bytes())?;
    // SAFETY: a plain struct of integers, for which zero is a value.
    let mut stats: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a terminated string and a struct to fill, both alive.
    retry(|| unsafe { libc::statfs(path.as_ptr(), &raw mut stats) })?;
    Ok(stats)
}

pub(super) fn no_space(location: &Location, size: usize) -> Error {
    let space = Space::of(location);
    let (needed, free) = (size.next_multiple_of(space.page) as u64, space.free.unwrap_or(0));
    let advice = if space.page == PAGE {
        "or in a container give it a larger --shm-size".to_owned()
    } else {
        format!(
            "or raise vm.nr_hugepages or the limits of the mount and the container (a huge page has {} bytes)",
            space.page
        )
    };
    Error::new(
        Code::NoSpace,
        format!(
            "{} has no room for a segment: {needed} bytes are needed, {free} are free; remove what \
             is no longer used, choose a smaller capacity, {advice}",
            location.directory.display()
        ),
    )
    .with("needed", needed)
    .with("free", free)
}
