//! Memories that stand in for a mapped segment, so that the protocols run without one, and what the
//! tests over them share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod asymmetric;
pub mod change;
pub mod crew;
pub mod fickle;
pub mod heap;
pub mod looming;
pub mod model;
pub mod mortal;
pub mod mpsc_model;
pub mod positions;
pub mod records;
pub mod search;
pub mod small;
pub mod spsc_model;
pub mod spsc_real;
pub mod stepped;
pub mod weaken;
