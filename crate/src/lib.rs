//! The core of shmring: one bounded queue of variable-length records in shared memory, for
//! separate processes. It knows nothing of Node; `binding` does.
#![deny(unsafe_op_in_unsafe_fn)]

mod ages;
pub mod attached;
pub mod barrier;
pub mod census;
pub mod clock;
pub mod emulation;
pub mod error;
pub mod futex;
mod identity;
pub mod layout;
pub mod ledger;
pub mod lock;
pub mod mapped;
pub mod mapping;
pub mod memory;
pub mod owners;
pub mod pages;
pub mod placement;
pub mod probe;
pub mod record;
pub mod ring;
pub mod segment;
pub mod sleep;

// Not in test binaries: they have no Node to link with, and napi-rs registers nothing there.
#[cfg(all(feature = "node", not(test)))]
mod binding;
