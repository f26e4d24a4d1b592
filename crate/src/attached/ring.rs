//! A ring attached to this process: what can be asked of it and told to it without being one of its
//! two ends.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Inspector, Stats, Work};
use crate::error::{Code, Error, Result};
use crate::layout::{CONSUMER_SLOT, Kind, Layout, PAGE, control};
use crate::mapped::MappedMemory;
use crate::mapping::Mapping;
use crate::memory::Memory;
use crate::owners::{self, Owner};
use crate::ring::mpsc;
use crate::segment::{Access, Segment};
use crate::sleep::Bell;

/// A segment and this attachment's own mapping of it, which has the data area only from the first look at
/// a record on: who has a role maps the data for that.
pub struct Ring {
    // Declared before the mapping, so that the view goes first.
    memory: MappedMemory,
    mapping: Mapping,
    /// With the data area.
    whole: OnceCell<(MappedMemory, Mapping)>,
    segment: Arc<Segment>,
}

impl Ring {
    pub fn attach(segment: Segment) -> Result<Ring> {
        let mapping = segment.map_without_data()?;
        // SAFETY: both live in this struct, the view is dropped first and never handed out; all but
        // `whole` keep away from the data.
        let memory = unsafe { MappedMemory::without_data(&mapping, segment.layout()) };
        Ok(Ring { memory, mapping, whole: OnceCell::new(), segment: Arc::new(segment) })
    }

    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    pub fn layout(&self) -> &Layout {
        self.segment.layout()
    }

    /// Seals the ring for good: writes that begin from now on are refused, and readers end when
    /// everything is read.
    pub fn seal(&self) -> Result<()> {
        self.check_writable("seal")?;
        // ORDERING: Release store; ring_anyway's fence orders it before the look at sleepers.
        // Partners: Gate::begin, gate::is_sealed.
        self.memory.store32(self.layout().control + control::SEALED, 1, Ordering::Release);
        for slot in 0..self.layout().slot_count {
            Bell::ring_anyway(&self.memory, self.layout().slot(slot));
        }
        Ok(())
    }

    /// Bytes of this attachment's mapping that lie in huge pages now; on a hugetlbfs the whole file.
    pub fn huge_page_bytes(&self) -> Result<u64> {
        let page = self.mapping.page();
        if page > PAGE {
            return Ok(self.layout().size.next_multiple_of(page) as u64);
        }
        self.mapping.huge_bytes()
    }

    /// Whether somebody reads: a probe of a lock.
    pub fn is_consumer_alive(&self) -> Result<bool> {
        owners::is_alive(&self.segment, &self.memory, CONSUMER_SLOT)
    }

    pub fn stats(&self) -> Result<Stats> {
        Stats::read(&self.segment, &self.memory)
    }

    /// Who is attached, alive or dead, and what each has done and holds open.
    pub fn owners(&self) -> Result<Vec<(Owner, Work)>> {
        let owners = owners::owners(&self.segment, &self.memory)?;
        let work = |owner: Owner| {
            let work = Work::read(&self.memory, self.layout(), &owner);
            (owner, work)
        };
        Ok(owners.into_iter().map(work).collect())
    }

    /// Frees what dead owners held: their slots and, in an `mpsc` ring, what they had reserved and not
    /// committed.
    pub fn recover(&self) -> Result<Recovered> {
        self.check_writable("recover")?;
        let (segment, memory) = (&*self.segment, &self.memory);
        let alive = |slot| owners::is_alive(segment, memory, slot);
        let repaired = match self.layout().kind {
            // What an spsc producer had not committed never became visible.
            Kind::Spsc => mpsc::Repaired::default(),
            Kind::Mpsc => mpsc::repair(memory, self.layout(), alive)?,
        };
        let slots = owners::recover(segment, memory)?;
        Ok(Recovered { slots, reservations: repaired.reservations, bytes: repaired.bytes })
    }

    /// Looks at what lies in the ring at this moment.
    pub fn inspect(&self) -> Result<Inspector> {
        Inspector::new(self.whole()?, self.layout())
    }

    /// The next thing that `inspector`, which this ring has made, sees.
    pub fn inspect_next(&self, inspector: &mut Inspector) -> Option<super::Inspected> {
        inspector.next(self.whole().ok()?)
    }

    fn whole(&self) -> Result<&MappedMemory> {
        if self.mapping.length() == self.layout().size {
            return Ok(&self.memory);
        }
        if self.whole.get().is_none() {
            let mapping = self.segment.map()?;
            // SAFETY: both live in the cell, which is emptied only with this struct; the view is never
            // handed out.
            let memory = unsafe { MappedMemory::new(&mapping, self.layout()) };
            let _ = self.whole.set((memory, mapping));
        }
        Ok(&self.whole.get().expect("it was just set").0)
    }

    fn check_writable(&self, call: &str) -> Result<()> {
        match self.segment.access() {
            Access::Attach => Ok(()),
            Access::Inspect => Err(read_only(call)),
        }
    }
}

/// What a recovery has freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    pub slots: u32,
    pub reservations: u64,
    pub bytes: u64,
}

pub(super) fn read_only(call: &str) -> Error {
    Error::new(
        Code::Permission,
        format!("{call} needs a ring opened with access 'attach'; this one was opened with 'inspect'"),
    )
}

/// Why slot `index` could not be taken: who has it, as far as it says.
pub(super) fn busy<M: Memory>(segment: &Segment, memory: &M, index: u32) -> Error {
    let role = owners::Role::of(index).name();
    let many = segment.layout().slot_count - 1;
    if many > 1 && index != CONSUMER_SLOT {
        let message = format!(
            "all {many} places for producers of the ring {:?} are taken by living ones",
            segment.name()
        );
        return Error::new(Code::Busy, message);
    }
    let ring = segment.name();
    match owners::owner(segment, memory, index) {
        Ok(Some(Owner { alive: true, pid, .. })) => Error::new(
            Code::Busy,
            format!(
                "a living {role} (process {pid}) is attached to the ring {ring:?}; it has one {role} at a time"
            ),
        )
        .with("pid", pid),
        // Its lock was held, and it is not, or not yet, who the slot says.
        _ => Error::new(
            Code::Busy,
            format!(
                "another {role} is just attaching to the ring {ring:?} or leaving it; it has one {role} at a time"
            ),
        ),
    }
}
