//! Names of segments, and where they lie.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};

/// What the file of a ring is called before the ring's own name.
const PREFIX: &str = "shmring.";
/// What the name of a temporary ring begins with.
pub(crate) const TEMPORARY: &str = "temporary-";
const LONGEST: usize = 200;
const VARIABLE: &str = "SHMRING_DIR";
const DEFAULT: &str = "/dev/shm";

/// A name in a directory; the only way to a path, so that no name is used unchecked.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    pub directory: PathBuf,
    pub name: String,
    pub path: PathBuf,
}

impl Location {
    pub fn new(name: &str, directory: Option<&Path>) -> Result<Location> {
        check(name)?;
        let directory = resolve(directory)?;
        Ok(Location { path: directory.join(format!("{PREFIX}{name}")), name: name.to_owned(), directory })
    }
}

/// The ring whose file is called so, if it is one of ours.
pub(crate) fn ring_of(file_name: &OsStr) -> Option<&str> {
    file_name.to_str()?.strip_prefix(PREFIX).filter(|name| is_name(name))
}

/// Whether a name is one of ours.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=LONGEST).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(allowed)
}

fn check(name: &str) -> Result<()> {
    if is_name(name) {
        return Ok(());
    }
    // A name of a megabyte would make a sentence of a megabyte.
    let shown: String = name.chars().take(LONGEST).collect();
    Err(Error::new(
        Code::InvalidArgument,
        format!(
            "{shown:?} is no name for a ring: use 1 to {LONGEST} of A-Z a-z 0-9 . _ - and no dot \
             at the start"
        ),
    )
    .with("option", "name"))
}

/// The directory to use, absolute: the process may change its own later.
pub(crate) fn resolve(directory: Option<&Path>) -> Result<PathBuf> {
    let directory = match directory {
        Some(directory) => directory.to_owned(),
        None => match std::env::var_os(VARIABLE) {
            Some(value) if !value.is_empty() => value.into(),
            _ => DEFAULT.into(),
        },
    };
    let refused = || {
        Error::new(
            Code::InvalidArgument,
            format!("{directory:?} is no directory for a ring: name an existing directory of a tmpfs"),
        )
        .with("option", "directory")
    };
    if directory.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(refused());
    }
    std::path::absolute(&directory).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_without_surprises_are_accepted() {
        for name in ["a", "A.b_c-9", "a.", "-", &"x".repeat(200)] {
            assert!(is_name(name), "{name}");
        }
        let long = "x".repeat(201);
        for name in ["", ".", "..", ".a", "a/b", "/", "a\0b", "ä", "a b", "a\n", &long] {
            let error = Location::new(name, None).unwrap_err();
            assert_eq!(error.code, Code::InvalidArgument, "{name:?}");
        }
        assert!(check(&"y".repeat(1 << 20)).unwrap_err().message.len() < 1000);
    }

    #[test]
    fn a_directory_becomes_absolute_and_an_impossible_one_is_refused() {
        assert!(resolve(Some(Path::new("here"))).unwrap().is_absolute());
        for path in ["", "a\0b"] {
            let error = resolve(Some(Path::new(path))).unwrap_err();
            assert_eq!(error.code, Code::InvalidArgument);
        }
    }
}
