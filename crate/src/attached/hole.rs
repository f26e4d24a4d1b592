//! What stands in a consumer's way: since when, and how often to ask whether its owner still lives.

use std::time::{Duration, Instant};

use super::work::Work;
use crate::error::Result;
use crate::memory::Memory;
use crate::owners::{self, Owner};
use crate::ring::mpsc::Blocked;
use crate::segment::Segment;
use crate::sleep::SLICE;

/// The longest sleep between two looks whether the owner lives: nobody wakes a consumer for a death.
const SHORT_SLICE: Duration = Duration::from_millis(2);
/// After so long it is a stopped process rather than a dead one, and looked at once a slice.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a consumer that does not wait leaves somebody alone who is still in its way: it asks whether
/// he lives when it first meets him, and nearly always he is just writing.
const GRACE: Duration = Duration::from_millis(1);

/// Who holds up the next record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub slot: u32,
    pub pid: u32,
    pub label: String,
    pub alive: bool,
    /// Since this consumer first saw it, or since the claim was made.
    pub age: Duration,
}

impl Obstacle {
    /// What is known of the owner of `blocked`, met `since` so long. `None`: it was closed or recovered
    /// meanwhile.
    pub fn read<M: Memory>(
        segment: &Segment,
        memory: &M,
        blocked: Blocked,
        since: Duration,
    ) -> Result<Option<Obstacle>> {
        let Some(owner) = owners::owner(segment, memory, blocked.slot)? else { return Ok(None) };
        let claim = Work::read(memory, segment.layout(), &owner).claim;
        let claimed = claim.filter(|claim| claim.position == blocked.position);
        let age = claimed.map_or(since, |claim| Duration::from_millis(claim.age_ms));
        let Owner { slot, pid, label, alive, .. } = owner;
        Ok(Some(Obstacle { slot, pid, label, alive, age }))
    }
}

/// What a consumer met last, when first, and when it asked for its owner.
#[derive(Debug, Default)]
pub struct Hole {
    met: Option<(Blocked, Instant)>,
    asked: Option<Instant>,
}

impl Hole {
    /// Notes what is in the way now; returns for how long it has been known.
    pub fn meet(&mut self, blocked: Blocked) -> Duration {
        match self.met {
            Some((known, since)) if known == blocked => since.elapsed(),
            _ => {
                (self.met, self.asked) = (Some((blocked, Instant::now())), None);
                Duration::ZERO
            }
        }
    }

    /// Whether to ask whether the owner of `blocked` lives: at once when it is met, so that one look of
    /// somebody who then goes is enough, and now and then as long as it stays.
    pub fn is_to_be_asked(&mut self, blocked: Blocked) -> bool {
        self.meet(blocked);
        let due = self.asked.is_none_or(|asked| asked.elapsed() >= GRACE);
        if due {
            self.asked = Some(Instant::now());
        }
        due
    }

    /// The longest sleep over what is in the way.
    pub fn slice(&mut self, blocked: Option<Blocked>) -> Duration {
        match blocked {
            Some(blocked) if self.meet(blocked) < PATIENCE => SHORT_SLICE,
            _ => SLICE,
        }
    }
}
