//! What was found in a ring that makes an attachment unusable for good.

use crate::error::{Error, Result};

#[derive(Debug, Default)]
pub(super) struct Poison(Option<Box<Error>>);

impl Poison {
    #[inline(always)]
    pub fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// The error again, at every call that comes after it.
    #[inline(always)]
    pub fn check(&self) -> Result<()> {
        match &self.0 {
            None => Ok(()),
            Some(error) => Err((**error).clone()),
        }
    }

    #[cold]
    pub fn set(&mut self, error: Error) -> Error {
        self.0 = Some(Box::new(error.clone()));
        error
    }
}
