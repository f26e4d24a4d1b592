//! Sweeping up after rings of lifetime `attached` whose processes were all killed: nobody may ever ask for
//! their names again. A little by each process that makes a temporary ring, however many there are.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use super::name::{Location, resolve, ring_of};
use super::system::{Inode, random};
use super::unlink::replace_abandoned;

/// Rings that a sweep looks at. More than the one that is made meanwhile, so that what many left behind
/// goes in the end; a look costs about 10 µs.
const RINGS: usize = 16;
/// Entries of the directory that it reads, whatever they are.
const ENTRIES: usize = 256;
/// Directories of which a process remembers how far it came.
const REMEMBERED: usize = 16;

/// Where in its directory the next sweep of this process begins.
static PLACES: Mutex<Vec<(Inode, i64)>> = Mutex::new(Vec::new());

/// Looks at a few rings, whatever their names, each time at the next ones. Whether all who were attached are
/// dead is for [`replace_abandoned`] to say: whoever creates or opens such a ring is attached before others see
/// it, or does not get it. What cannot be removed stays, and is no failure of the caller's.
pub(super) fn sweep(directory: Option<&Path>) {
    let Ok(directory) = resolve(directory) else { return };
    for name in next(&directory).unwrap_or_default() {
        if let Ok(location) = Location::new(&name, Some(&directory)) {
            let _ = replace_abandoned(&location);
        }
    }
}

/// The names of the rings to look at.
fn next(directory: &Path) -> io::Result<BTreeSet<String>> {
    let flags = libc::O_DIRECTORY | libc::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(directory)?;
    let inode = Inode::of(&file.metadata()?);
    let mut entries = Entries::new(file)?;
    let start = match remembered(inode) {
        Some(place) => place,
        // Not always at the start: of processes that make one temporary ring each, all would look at the same.
        None => somewhere(&mut entries, random().map_or(0, u64::from_ne_bytes)),
    };
    let (names, place) = gather(&mut entries, start);
    remember(inode, place);
    Ok(names)
}

/// Reads on from a place, once past the end of the directory if need be; tells where it stopped.
fn gather(entries: &mut Entries, start: i64) -> (BTreeSet<String>, i64) {
    let (mut names, mut place) = (BTreeSet::new(), start);
    // All of a directory is read from its start. So is one whose places are not what they were.
    let mut may_wrap = start != 0;
    entries.seek(start);
    for _ in 0..ENTRIES {
        let Some((name, after)) = entries.next() else {
            place = 0;
            if !std::mem::take(&mut may_wrap) {
                break;
            }
            entries.seek(0);
            continue;
        };
        place = after;
        if let Some(name) = name {
            names.insert(name);
            if names.len() == RINGS {
                break;
            }
        }
    }
    (names, place)
}

/// A place of a directory, by a random number: often one of the first, else one of any magnitude. How far
/// places go is not known: they are counts or, where they outlive removals, numbers that only rise.
fn somewhere(entries: &mut Entries, random: u64) -> i64 {
    let (bits, number) = (random % 32, random >> 32);
    if 1 << bits > ENTRIES {
        return (number >> (32 - bits)) as i64;
    }
    let mut places = vec![0];
    while places.len() < ENTRIES
        && let Some((_, after)) = entries.next()
    {
        places.push(after);
    }
    places[(number % places.len() as u64) as usize]
}

fn remembered(directory: Inode) -> Option<i64> {
    let places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    places.iter().find(|(known, _)| *known == directory).map(|&(_, place)| place)
}

fn remember(directory: Inode, place: i64) {
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    places.retain(|(known, _)| *known != directory);
    if places.len() == REMEMBERED {
        places.remove(0);
    }
    places.push((directory, place));
}

/// The entries of a directory, each with the place after it. Rust's own cannot begin at one.
struct Entries {
    stream: NonNull<libc::DIR>,
}

impl Entries {
    fn new(directory: File) -> io::Result<Entries> {
        // SAFETY: an open directory; on success the stream owns the descriptor.
        let stream = unsafe { libc::fdopendir(directory.as_raw_fd()) };
        let stream = NonNull::new(stream).ok_or_else(io::Error::last_os_error)?;
        let _ = directory.into_raw_fd();
        Ok(Entries { stream })
    }

    fn seek(&mut self, place: i64) {
        // SAFETY: an open stream. A number that is no place is the next one, the end or the start.
        unsafe { libc::seekdir(self.stream.as_ptr(), place as libc::c_long) };
    }

    /// The next entry, without its name if it is no ring's. `None` at the end, and where it cannot be read.
    fn next(&mut self) -> Option<(Option<String>, i64)> {
        // SAFETY: an open stream that no other thread uses.
        let entry = NonNull::new(unsafe { libc::readdir64(self.stream.as_ptr()) })?;
        // SAFETY: an entry, valid until the next call, with a terminated name.
        let name = unsafe { std::ffi::CStr::from_ptr((&raw const (*entry.as_ptr()).d_name).cast()) };
        let name = ring_of(OsStr::from_bytes(name.to_bytes())).map(str::to_owned);
        // SAFETY: the same entry.
        Some((name, unsafe { (*entry.as_ptr()).d_off }))
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        // SAFETY: opened in `new`, closed once.
        unsafe { libc::closedir(self.stream.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::name::TEMPORARY;
    use super::*;

    /// A directory that goes with its value.
    struct Place(std::path::PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let path = std::path::PathBuf::from(format!("/dev/shm/shmring-{name}-{}", std::process::id()));
            std::fs::create_dir(&path).unwrap();
            Place(path)
        }

        fn add(&self, file: &str) {
            File::create(self.0.join(file)).unwrap();
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn sweeps_look_at_a_few_rings_each_and_at_all_of_them_in_turn() {
        let place = Place::new("turns");
        let named =
            |number| if number % 2 == 0 { format!("{TEMPORARY}{number}") } else { format!("named-{number}") };
        let all: BTreeSet<String> = (0..100).map(named).collect();
        for name in &all {
            place.add(&format!("shmring.{name}"));
            place.add(&format!("other-{name}"));
        }
        // The first begins anywhere, and one that comes to the end goes on from the start.
        let mut seen = BTreeSet::new();
        for turn in 0..100_usize.div_ceil(RINGS) + 1 {
            let names = next(&place.0).unwrap();
            assert!((1..=RINGS).contains(&names.len()), "{names:?} in turn {turn}");
            seen.extend(names);
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_sweep_of_a_few_rings_looks_at_all_of_them_each_time() {
        let place = Place::new("few");
        for turn in 0..20 {
            assert_eq!(next(&place.0).unwrap().len(), turn.min(RINGS));
            place.add(&format!("shmring.{TEMPORARY}{turn}"));
        }
    }

    #[test]
    fn a_sweep_reads_a_bounded_part_of_a_large_directory_and_gets_to_its_end() {
        let place = Place::new("large");
        for number in 0..4 * ENTRIES {
            place.add(&format!("foreign-{number}"));
        }
        place.add(&format!("shmring.{TEMPORARY}x"));
        let found = (0..6).filter(|_| next(&place.0).unwrap().len() == 1).count();
        assert!((1..=2).contains(&found), "{found} of six sweeps came past it");
    }

    #[test]
    fn processes_that_sweep_once_get_to_a_ring_behind_many_other_files_too() {
        let place = Place::new("behind");
        // From either end: not every kernel lists the oldest first.
        for half in 0..2 {
            for number in 0..4 * ENTRIES {
                place.add(&format!("foreign-{half}-{number}"));
            }
            if half == 0 {
                place.add(&format!("shmring.{TEMPORARY}x"));
            }
        }
        let finds = |random: u64| {
            let mut entries = Entries::new(File::open(&place.0).unwrap()).unwrap();
            let start = somewhere(&mut entries, random);
            gather(&mut entries, start).0.len() == 1
        };
        let all = (0..32_u64).flat_map(|bits| (0..16_u64).map(move |part| bits | part << 60));
        assert!(all.clone().any(finds));
        assert!(!all.clone().all(finds), "each reads a part alone");
    }

    #[test]
    fn processes_that_sweep_once_do_not_all_begin_at_the_same_ring() {
        let place = Place::new("once");
        for number in 0..4 * RINGS {
            place.add(&format!("shmring.{TEMPORARY}{number}"));
        }
        let inode = Inode::at(&place.0).unwrap();
        let looks: BTreeSet<_> = (0..32)
            .map(|_| {
                PLACES.lock().unwrap().retain(|(known, _)| *known != inode);
                next(&place.0).unwrap().into_iter().collect::<Vec<_>>()
            })
            .collect();
        assert!(looks.len() > 1, "{looks:?}");
    }
}
