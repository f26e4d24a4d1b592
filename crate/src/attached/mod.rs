//! A ring in use: protocol, segment, slot and mapping put together, with waits that block a thread.

mod consumer;
mod crowd;
mod end;
mod fenced;
mod hole;
mod inspector;
mod producer;
mod ring;
mod spin;
mod stats;
mod take;
mod work;

pub use consumer::{Consumer, Pace};
pub use end::{End, EndWhen};
pub use hole::Obstacle;
pub use inspector::{Inspected, Inspector, State};
pub use producer::Producer;
pub use ring::{Recovered, Ring};
pub use stats::Stats;
pub use take::take_slot;
pub use work::{OpenClaim, Work};
