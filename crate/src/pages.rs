//! The pages of a mapping: how large they are, and what is asked of the kernel for them.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::Result;
use crate::layout::PAGE;
use crate::segment::system::{failure, retry};

/// What a process wants of the pages of its mappings of a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageOptions {
    /// All of them are there before the mapping is used, so that no first touch costs a page fault.
    pub prefault: bool,
    /// Huge ones where the kernel gives them.
    pub huge: bool,
}

/// Bytes of the pages of which a file consists. On a hugetlbfs these are huge, and every length that
/// is mapped, unmapped or allocated is a multiple of them.
///
/// Where a sandbox refuses the question they are taken for ordinary ones: on a hugetlbfs that ends in
/// an error, as lengths do not fit, before anything is in use.
pub fn page_size(file: &File) -> usize {
    file_system(file).map_or(PAGE, |stats| page_size_of(&stats))
}

/// What the kernel says of the file system of a file.
pub(crate) fn file_system(file: &File) -> io::Result<libc::statfs> {
    // SAFETY: a plain struct of integers, for which zero is a value.
    let mut stats: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: an open descriptor and a struct to fill, which is alive.
    retry(|| unsafe { libc::fstatfs(file.as_raw_fd(), &raw mut stats) })?;
    Ok(stats)
}

/// The same, of a file system.
pub(crate) fn page_size_of(stats: &libc::statfs) -> usize {
    let huge = stats.f_type == libc::HUGETLBFS_MAGIC;
    let size = stats.f_bsize as usize;
    if huge && size.is_power_of_two() { size.max(PAGE) } else { PAGE }
}

/// Bytes of a transparent huge page; a mapping shorter than one can have none.
pub fn transparent_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    const USUAL: usize = 2 << 20;
    *SIZE.get_or_init(|| {
        // A container may have no /sys.
        let said = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
        let size = said.ok().and_then(|said| said.trim().parse().ok());
        size.filter(|size: &usize| size.is_power_of_two()).unwrap_or(USUAL)
    })
}

/// Asks for transparent huge pages under a range of ordinary ones of a file, all of which exist. A
/// wish: a kernel that has none, or none free, leaves the pages as they are.
///
/// The first advice is for pages that the kernel looks at later; the second (Linux 6.1) makes huge
/// ones at once, on a tmpfs even where its mount option and `shmem_enabled` say `never`.
pub(crate) fn ask_for_huge(base: *mut u8, length: usize) {
    // Not in every C library's headers.
    const MADV_COLLAPSE: libc::c_int = 25;
    for advice in [libc::MADV_HUGEPAGE, MADV_COLLAPSE] {
        let _ = advise(base, length, advice);
    }
}

/// Sees to it that every page of a mapping is in this process's page table. The blocks of the file
/// must be allocated.
pub(crate) fn prefault(base: *mut u8, length: usize, writable: bool) -> Result<()> {
    let advice = if writable { libc::MADV_POPULATE_WRITE } else { libc::MADV_POPULATE_READ };
    match advise(base, length, advice) {
        Ok(()) => Ok(()),
        // Linux before 5.14, or an emulated kernel.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            touch(base, length);
            Ok(())
        }
        Err(error) => Err(failure("madvise", &error, "cannot prefault the segment")),
    }
}

/// Reads a byte of every page: that maps a page of a tmpfs for writing too, as nothing there waits for
/// the first write. Never by writing, since others may be using the ring.
fn touch(base: *mut u8, length: usize) {
    for at in (0..length).step_by(PAGE) {
        // SAFETY: within a mapping of allocated blocks that the caller owns.
        let byte = unsafe { AtomicU8::from_ptr(base.add(at)) };
        // ORDERING: Relaxed; the value is thrown away.
        std::hint::black_box(byte.load(Ordering::Relaxed));
    }
}

fn advise(base: *mut u8, length: usize, advice: libc::c_int) -> io::Result<()> {
    // SAFETY: the callers' own mappings; these advices change no byte of them.
    retry(|| unsafe { libc::madvise(base.cast(), length, advice) }).map(drop)
}

/// How many bytes of a mapping this process reaches by huge entries of its page table now, transparent
/// huge pages being meant.
pub(crate) fn huge_bytes(base: *mut u8, length: usize) -> Result<u64> {
    let explain = |error: io::Error| failure("open", &error, "cannot look at this process's mappings");
    let smaps = File::open("/proc/self/smaps").map_err(explain)?;
    let range = base.addr()..base.addr() + length;
    let (mut inside, mut kibibytes) = (false, 0);
    for line in BufReader::new(smaps).lines() {
        let line = line.map_err(explain)?;
        if let Some(start) = start_of_mapping(&line) {
            inside = range.contains(&start);
        } else if inside {
            kibibytes += huge_kibibytes(&line);
        }
    }
    Ok(kibibytes << 10)
}

/// Of the line with which a mapping begins: `7f12a000-7f12b000 rw-s …`.
fn start_of_mapping(line: &str) -> Option<usize> {
    let (start, rest) = line.split_once('-')?;
    rest.split_once(' ')?;
    usize::from_str_radix(start, 16).ok()
}

fn huge_kibibytes(line: &str) -> u64 {
    let Some((name, value)) = line.split_once(':') else { return 0 };
    if !matches!(name, "ShmemPmdMapped" | "FilePmdMapped") {
        return 0;
    }
    value.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_smaps_says_is_understood() {
        let line = "7f9c5be00000-7f9c5fe00000 rw-s 00000000 00:1a 1042  /dev/shm/shmring.a-b";
        assert_eq!(start_of_mapping(line), Some(0x7f9c_5be0_0000));
        for line in ["Size:              65536 kB", "VmFlags: rd wr sh mr mw me ms dc hg", "abc-def"] {
            assert_eq!(start_of_mapping(line), None, "{line}");
        }
        assert_eq!(huge_kibibytes("ShmemPmdMapped:    65536 kB"), 65536);
        assert_eq!(huge_kibibytes("FilePmdMapped:      2048 kB"), 2048);
        for line in ["Rss:               65544 kB", "VmFlags: rd wr", "ShmemPmdMapped:    many kB"] {
            assert_eq!(huge_kibibytes(line), 0, "{line}");
        }
    }

    #[test]
    fn only_a_hugetlbfs_has_pages_of_its_own_size() {
        fn of(hugetlbfs: bool, size: u32) -> usize {
            // SAFETY: a plain struct of integers, for which zero is a value.
            let mut stats: libc::statfs = unsafe { std::mem::zeroed() };
            stats.f_type = if hugetlbfs { libc::HUGETLBFS_MAGIC } else { libc::TMPFS_MAGIC };
            stats.f_bsize = size.into();
            page_size_of(&stats)
        }
        assert_eq!(of(true, 2 << 20), 2 << 20);
        assert_eq!(of(true, 3 << 20), PAGE);
        assert_eq!(of(false, 2 << 20), PAGE);
    }
}
