//! Who else is creating in a directory, and how long a creator goes on where there is no room.
//!
//! A creator that finds its file system full cannot tell by that alone whether others fill it: of
//! creators that race, each allocates a whole file, and all but one give theirs up again. While it has
//! a file without a name, a creator therefore holds a shared lock on the directory. Nobody ever waits
//! for that lock: it is only asked about, by a creator for which there is no room.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Instant;

use super::name::Location;
use super::open::PATIENCE;
use crate::lock::{self, Liveness, try_lock, unlock};

/// The byte of a directory that creators lock. A directory has no bytes; the number only has to be one.
const CREATING: usize = 0;
/// So many tries in a row that found no room, and nobody else creating, show that waiting is in vain.
const TRIES_ALONE: u32 = 3;

/// One's own mark on the directory, for as long as this lives.
pub(super) struct Creating {
    /// `None` where a directory cannot be read or locked, which is no reason not to create in it.
    directory: Option<File>,
}

impl Creating {
    pub fn begin(location: &Location) -> Creating {
        let flags = libc::O_DIRECTORY | libc::O_CLOEXEC;
        let directory = OpenOptions::new().read(true).custom_flags(flags).open(&location.directory).ok();
        let locked =
            |directory: &File| matches!(try_lock(directory, CREATING, lock::Share::Shared), Ok(true));
        Creating { directory: directory.filter(locked) }
    }

    /// Whether somebody else is creating here. `None`: it cannot be told.
    pub fn others(&self) -> Option<bool> {
        // Asked through the holder of a lock, which its own does not hide: a lock never conflicts with itself.
        let asked = lock::probe(self.directory.as_ref()?, CREATING);
        asked.ok().map(|found| found == Liveness::Alive)
    }
}

impl Drop for Creating {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            unlock(directory, CREATING);
        }
    }
}

/// How long a creator goes on.
pub(super) struct Patience {
    /// Of the whole call.
    pub deadline: Instant,
    /// Tries in a row that met a full file system which nobody else was seen to fill.
    alone: u32,
    /// What was free at the last of them.
    free: Option<u64>,
}

impl Patience {
    pub fn new() -> Patience {
        Patience { deadline: Instant::now() + PATIENCE, alone: 0, free: None }
    }

    pub fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Whether another try makes sense after one that found no room. `others` is what
    /// [`Creating::others`] said, `free` how many bytes are left.
    ///
    /// Where nobody can be asked, others are taken to be there as long as that number changes.
    pub fn after_full(&mut self, others: Option<bool>, free: Option<u64>) -> bool {
        let crowded = others.unwrap_or_else(|| self.free != free);
        self.free = free;
        self.alone = if crowded { 0 } else { self.alone + 1 };
        self.alone < TRIES_ALONE && !self.is_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many tries a creator makes that meets the same each time.
    fn tries(others: Option<bool>, free: impl Fn(u64) -> u64) -> u64 {
        let mut patience = Patience::new();
        (1..100).find(|&attempt| !patience.after_full(others, Some(free(attempt)))).unwrap_or(100)
    }

    #[test]
    fn a_full_file_system_that_nobody_else_fills_ends_the_patience_after_three_tries() {
        assert_eq!(tries(Some(false), |_| 4096), 3);
        assert_eq!(tries(Some(false), |attempt| attempt), 3, "whatever foreign programs do there");
        assert_eq!(tries(None, |_| 4096), 4);
    }

    #[test]
    fn others_that_create_are_waited_for() {
        assert_eq!(tries(Some(true), |_| 4096), 100);
        assert_eq!(tries(None, |attempt| attempt), 100);
        let mut patience = Patience::new();
        for attempt in 1..100 {
            let others = attempt % 3 == 0;
            assert!(patience.after_full(Some(others), None), "they come and go");
        }
        patience.deadline = Instant::now();
        assert!(!patience.after_full(Some(true), None), "but not for ever");
    }

    #[test]
    fn a_creator_sees_others_and_not_itself() {
        let directory = std::path::PathBuf::from(format!("/dev/shm/shmring-creators-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let location = Location::new("x", Some(&directory)).unwrap();
        let one = Creating::begin(&location);
        assert_eq!(one.others(), Some(false));
        let other = Creating::begin(&location);
        assert_eq!((one.others(), other.others()), (Some(true), Some(true)));
        drop(other);
        assert_eq!(one.others(), Some(false));
        std::fs::remove_dir(&directory).unwrap();
        assert_eq!(Creating::begin(&location).others(), None, "it cannot be opened");
    }
}
