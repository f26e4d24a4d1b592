//! The memory of one variant: words that change, then data, then whatever words it keeps beside.

use std::io::Result;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use super::CAPACITY;
use crate::shared::map;

const CONTROL: usize = 4096;

/// ```text
/// 0      words of both sides, where the variant puts them
/// 4096   data, `CAPACITY` bytes
///        words beside the data: descriptors, a chain
/// ```
#[derive(Clone, Copy)]
pub struct Area {
    base: NonNull<u8>,
    beside: usize,
}

// SAFETY: words that change are only touched through atomics, and a byte of data belongs to one side
// at a time, by each variant's protocol.
unsafe impl Send for Area {}

impl Area {
    /// `beside`: bytes beside the data.
    pub fn new(beside: usize) -> Result<Area> {
        Ok(Area { base: map(CONTROL + CAPACITY + beside)?, beside })
    }

    fn at(&self, offset: usize) -> *mut u8 {
        debug_assert!(offset < CONTROL + CAPACITY + self.beside);
        // SAFETY: inside the mapping: the callers below keep to their part of it.
        unsafe { self.base.add(offset).as_ptr() }
    }

    fn atomic(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset.is_multiple_of(8));
        // SAFETY: inside the mapping, aligned, and zeroed at first.
        unsafe { AtomicU64::from_ptr(self.at(offset).cast()) }
    }

    /// The word at an offset that is a constant of the variant.
    #[inline(always)]
    pub fn word(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset < CONTROL);
        self.atomic(offset)
    }

    /// The byte of the data at `position`.
    #[inline(always)]
    pub fn data(&self, position: usize) -> *mut u8 {
        self.at(CONTROL + (position & (CAPACITY - 1)))
    }

    /// The word of the data at `position`, a multiple of 8.
    #[inline(always)]
    pub fn header(&self, position: usize) -> &AtomicU64 {
        self.atomic(CONTROL + (position & (CAPACITY - 1)))
    }

    /// A word beside the data.
    #[inline(always)]
    pub fn beside(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset < self.beside);
        self.atomic(CONTROL + CAPACITY + offset)
    }
}

/// Bytes from `position` to the end of the buffer.
#[inline(always)]
pub const fn rest(position: usize) -> usize {
    CAPACITY - (position & (CAPACITY - 1))
}
