//! Claims: records whose payload is written in place, between `try_claim` and `commit` or `abort`.

use super::Producer;
use crate::error::Result;
use crate::layout::RECORD_HEADER;
use crate::memory::Memory;
use crate::record::{Header, span};
use crate::ring::claims;

/// An open claim: a record whose payload somebody is writing in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    start: u64,
    length: usize,
}

impl<M: Memory> Producer<M> {
    /// Opens a claim of `length` bytes: returns the offset of its payload in the data area, or
    /// `None` when there is no room now.
    pub fn try_claim(&mut self, length: usize, now: u64) -> Result<Option<usize>> {
        self.begin_write()?;
        let start = match self.reserve(length, span(length) as u64) {
            Ok(Some(start)) => start,
            refusal => return self.refuse(refusal).map(|_| None),
        };
        self.claim = Some(Claim { start, length });
        self.notes.claim(&self.memory, start, length, now);
        Ok(Some(self.places.offset(start) - self.places.data + RECORD_HEADER))
    }

    /// Commits the open claim with its first `length` bytes.
    pub fn commit(&mut self, length: Option<usize>) -> Result<()> {
        self.poison.check()?;
        let claim = self.claim.ok_or_else(claims::none_open)?;
        let length = claims::committed(length, claim.length)?;
        self.claim = None;
        let header = Header::Record(length);
        self.put_header(claim.start, header);
        self.publish(claim.start + header.span() as u64, 1);
        self.notes.no_claim(&self.memory);
        self.end_write();
        Ok(())
    }

    /// Gives the open claim back.
    pub fn abort(&mut self) -> Result<()> {
        self.claim.take().ok_or_else(claims::none_open)?;
        self.notes.abort(&self.memory);
        self.notes.no_claim(&self.memory);
        self.end_write();
        Ok(())
    }

    pub fn has_claim(&self) -> bool {
        self.claim.is_some()
    }
}
