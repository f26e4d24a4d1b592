//! The core of shmring: one bounded queue of variable-length records in shared memory, for
//! separate processes. It knows nothing of Node; `binding` does.
#![deny(unsafe_op_in_unsafe_fn)]

pub mod error;
pub mod layout;
pub mod memory;
