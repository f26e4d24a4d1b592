//! The one error type of the core: a code that programs test, a sentence that people act on.

use std::fmt;

/// Result of every fallible call of the core.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. The public code is `ERR_SHMRING_` followed by [`Code::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Exists,
    NotFound,
    Busy,
    Closed,
    Sealed,
    InvalidArgument,
    TooLarge,
    Mismatch,
    NoSpace,
    Permission,
    Version,
    Corrupt,
    ClaimOpen,
    Reentrant,
    NoConsumer,
    Fenced,
    System,
    Unsupported,
}

impl Code {
    /// The code as the public face spells it, without the common prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Code::Exists => "EXISTS",
            Code::NotFound => "NOT_FOUND",
            Code::Busy => "BUSY",
            Code::Closed => "CLOSED",
            Code::Sealed => "SEALED",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::TooLarge => "TOO_LARGE",
            Code::Mismatch => "MISMATCH",
            Code::NoSpace => "NO_SPACE",
            Code::Permission => "PERMISSION",
            Code::Version => "VERSION",
            Code::Corrupt => "CORRUPT",
            Code::ClaimOpen => "CLAIM_OPEN",
            Code::Reentrant => "REENTRANT",
            Code::NoConsumer => "NO_CONSUMER",
            Code::Fenced => "FENCED",
            Code::System => "SYSTEM",
            Code::Unsupported => "UNSUPPORTED",
        }
    }
}

/// A value attached to an error under a name, for programs that want more than the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    Text(String),
    /// Counts, offsets and errno values. Positions near 2^64 lose their low bits in JavaScript.
    Number(u64),
}

impl From<u64> for Detail {
    fn from(value: u64) -> Self {
        Detail::Number(value)
    }
}

impl From<u32> for Detail {
    fn from(value: u32) -> Self {
        Detail::Number(value.into())
    }
}

impl From<usize> for Detail {
    fn from(value: usize) -> Self {
        Detail::Number(value as u64)
    }
}

impl From<&str> for Detail {
    fn from(value: &str) -> Self {
        Detail::Text(value.to_owned())
    }
}

impl From<String> for Detail {
    fn from(value: String) -> Self {
        Detail::Text(value)
    }
}

/// An error of the core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub code: Code,
    pub message: String,
    pub details: Vec<(&'static str, Detail)>,
}

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error { code, message: message.into(), details: Vec::new() }
    }

    /// Attaches a named value, as in `CORRUPT` with `offset`, `expected` and `found`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Detail>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// A system call that failed in a way for which there is no better code.
    pub fn system(syscall: &'static str, error: &std::io::Error) -> Self {
        let errno = error.raw_os_error().unwrap_or(0);
        Error::new(Code::System, format!("{syscall} failed: {error}"))
            .with("syscall", syscall)
            .with("errno", errno.unsigned_abs())
    }

    /// Shared memory holds what no healthy peer can have written.
    pub fn corrupt(
        what: &str,
        offset: impl Into<Detail>,
        expected: impl Into<Detail>,
        found: impl Into<Detail>,
    ) -> Self {
        let (offset, expected, found) = (offset.into(), expected.into(), found.into());
        Error::new(
            Code::Corrupt,
            format!(
                "{what}: expected {expected} at offset {offset} of the segment, found {found}; \
                 this attachment is unusable, create the ring anew"
            ),
        )
        .with("offset", offset)
        .with("expected", expected)
        .with("found", found)
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Detail::Text(text) => formatter.write_str(text),
            Detail::Number(number) => write!(formatter, "{number}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ERR_SHMRING_{}: {}", self.code.name(), self.message)
    }
}

impl std::error::Error for Error {}
