//! What is said of claims in rings of either kind.

use crate::error::{Code, Error, Result};

pub(super) fn none_open() -> Error {
    Error::new(Code::InvalidArgument, "no claim is open: call tryClaim first")
}

/// Whatever else is written while a claim is open would wait behind it.
pub(super) fn open() -> Error {
    Error::new(Code::ClaimOpen, "a claim is open: commit or abort it before anything else is written")
}

/// How many of the `claimed` bytes are committed when `asked` are wanted.
pub(super) fn committed(asked: Option<usize>, claimed: usize) -> Result<usize> {
    match asked {
        None => Ok(claimed),
        Some(asked) if asked <= claimed => Ok(asked),
        Some(asked) => Err(Error::new(
            Code::InvalidArgument,
            format!("commit({asked}) is more than the {claimed} bytes claimed"),
        )),
    }
}
