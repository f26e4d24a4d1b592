//! What shmring is measured against. `ring` is the yardstick of one producer, `many` that of many, and
//! `experiments` varies both; the rest serves the programs in `bin`.

pub mod experiments;
pub mod many;
pub mod pace;
#[path = "../../../crate/src/probe.rs"]
pub mod probe;
pub mod ring;
pub mod shared;
pub mod times;
