//! What shmring is measured against. `ring` is the yardstick, the rest serves the programs in `bin`.

pub mod pace;
#[path = "../../../crate/src/probe.rs"]
pub mod probe;
pub mod ring;
pub mod shared;
