//! Everything that does not run per record: segments, statistics, and how handles begin.

use std::path::PathBuf;

use napi::bindgen_prelude::{Buffer, Float64Array, Function, Result};
use napi::{Env, JsValue, check_status, sys};
use napi_derive::napi;

use super::call::closed;
use super::consumer::{ConsumerHandle, reads};
use super::errors::thrown;
use super::producer::ProducerHandle;
use super::state::State;
use crate::attached::{Consumer, EndWhen, Inspector, Producer, Ring};
use crate::error::{Code, Error};
use crate::layout::{self, Kind, Lifetime, RECORD_ALIGN};
use crate::owners::Role;
use crate::pages::PageOptions;
use crate::segment::{self, Access, CreateOptions, FileSystem, OpenOptions, Segment, Share};

/// Sets the function `(code, message, details) => Error` that makes this environment's errors.
#[napi(ts_args_type = "make: (code: string, message: string, details: Record<string, unknown>) => Error")]
pub fn set_error_factory(env: Env, make: Function<'_>) -> Result<()> {
    // SAFETY: values of the running call.
    check_status!(unsafe {
        sys::napi_create_reference(env.raw(), make.raw(), 1, &mut State::current()?.make_error)
    })
}

/// The largest capacity in bytes: what TypeScript checks an option against.
#[napi]
pub fn max_capacity() -> f64 {
    layout::MAX_CAPACITY as f64
}

/// Options as TypeScript has checked them.
#[napi(object)]
#[derive(Default)]
pub struct NativeOptions {
    pub directory: Option<String>,
    pub share: Option<String>,
    pub access: Option<String>,
    pub kind: Option<String>,
    pub capacity: Option<f64>,
    pub lifetime: Option<String>,
    pub file_system: Option<String>,
    pub prefault: Option<bool>,
    pub huge_pages: Option<bool>,
}

fn share(options: &NativeOptions) -> Option<Share> {
    options.share.as_deref().map(|share| if share == "group" { Share::Group } else { Share::Owner })
}

fn file_system(options: &NativeOptions) -> Option<FileSystem> {
    let any = |kind: &str| if kind == "any" { FileSystem::Any } else { FileSystem::Memory };
    options.file_system.as_deref().map(any)
}

fn pages(options: &NativeOptions) -> PageOptions {
    PageOptions { prefault: options.prefault == Some(true), huge: options.huge_pages == Some(true) }
}

impl From<&NativeOptions> for CreateOptions {
    fn from(options: &NativeOptions) -> Self {
        let kind = |kind: &str| if kind == "spsc" { Kind::Spsc } else { Kind::Mpsc };
        let lifetime =
            |lifetime: &str| if lifetime == "attached" { Lifetime::Attached } else { Lifetime::Persistent };
        CreateOptions {
            directory: options.directory.as_ref().map(PathBuf::from),
            share: share(options),
            kind: options.kind.as_deref().map(kind),
            capacity: options.capacity.map(|capacity| capacity as u64),
            lifetime: options.lifetime.as_deref().map(lifetime),
            file_system: file_system(options),
            pages: pages(options),
        }
    }
}

impl From<&NativeOptions> for OpenOptions {
    fn from(options: &NativeOptions) -> Self {
        let inspect = options.access.as_deref() == Some("inspect");
        OpenOptions {
            directory: options.directory.as_ref().map(PathBuf::from),
            share: share(options),
            access: if inspect { Access::Inspect } else { Access::Attach },
            file_system: file_system(options),
            pages: pages(options),
        }
    }
}

#[napi]
pub fn create_ring(env: Env, name: String, options: NativeOptions) -> Result<NativeRing> {
    NativeRing::open(env, || Segment::create(&name, &CreateOptions::from(&options)))
}

#[napi]
pub fn open_ring(env: Env, name: String, options: NativeOptions) -> Result<NativeRing> {
    NativeRing::open(env, || Segment::open(&name, &OpenOptions::from(&options)))
}

#[napi]
pub fn open_or_create_ring(env: Env, name: String, options: NativeOptions) -> Result<NativeRing> {
    NativeRing::open(env, || Segment::open_or_create(&name, &CreateOptions::from(&options)))
}

#[napi]
pub fn temporary_ring(env: Env, options: NativeOptions) -> Result<NativeRing> {
    NativeRing::open(env, || Segment::temporary(&CreateOptions::from(&options)))
}

#[napi]
pub fn unlink_ring(env: Env, name: String, directory: Option<String>) -> Result<bool> {
    segment::unlink(&name, directory.map(PathBuf::from).as_deref()).map_err(|error| thrown(env.raw(), &error))
}

#[napi(object)]
pub struct NativeInfo {
    pub name: String,
    pub id: String,
    pub kind: String,
    pub capacity: f64,
    pub bytes: f64,
    pub mode: u32,
    pub alive: u32,
    pub dead: u32,
    pub error: Option<String>,
}

#[napi]
pub fn list_rings(env: Env, directory: Option<String>) -> Result<Vec<NativeInfo>> {
    let found = segment::list(directory.map(PathBuf::from).as_deref());
    let found = found.map_err(|error| thrown(env.raw(), &error))?;
    let info = |info: segment::Info| NativeInfo {
        name: info.name,
        id: info.id,
        kind: info.kind.map_or("", Kind::name).to_owned(),
        capacity: info.capacity as f64,
        bytes: info.bytes as f64,
        mode: info.mode,
        alive: info.alive,
        dead: info.dead,
        error: info.error,
    };
    Ok(found.into_iter().map(info).collect())
}

#[napi(object)]
pub struct NativeStats {
    pub written: f64,
    pub read: f64,
    pub records_waiting: f64,
    pub bytes_waiting: f64,
    pub abandoned: f64,
    pub aborted: f64,
    pub full: f64,
    pub producers: u32,
    pub consumers: u32,
}

#[napi(object)]
pub struct NativeRecovery {
    pub slots_freed: u32,
    pub records_abandoned: f64,
    pub bytes_abandoned: f64,
}

/// Numbers of a row of [`NativeOwners`], as `ts/stats.ts` reads them: slot, 1 for a producer, pid, 1
/// for alive, since (ms), written, length of the label, then the claim: position or -1, bytes, age (ms).
const OWNER_WORDS: usize = 10;

#[napi(object)]
pub struct NativeOwners {
    pub numbers: Float64Array,
    pub labels: String,
}

#[napi(object)]
pub struct NativeInspected {
    pub position: f64,
    pub state: String,
    pub slot: u32,
    pub byte_length: f64,
    pub bytes: Option<Buffer>,
}

#[napi(object)]
pub struct NativeDescription {
    pub name: String,
    pub id: String,
    pub kind: String,
    pub capacity: f64,
    pub max_record: f64,
}

/// A walk through a ring.
#[napi]
pub struct NativeInspector(Inspector);

/// A ring attached to this environment, which owns it: some runtimes end without the finalizers of
/// their objects.
#[napi]
pub struct NativeRing(Option<u32>);

impl Drop for NativeRing {
    fn drop(&mut self) {
        // Without a state the environment has ended and taken its rings along.
        if let (Some(number), Ok(state)) = (self.0.take(), State::current()) {
            state.rings.remove(number);
        }
    }
}

#[napi]
impl NativeRing {
    fn open(env: Env, segment: impl FnOnce() -> crate::error::Result<Segment>) -> Result<Self> {
        let ring = segment().and_then(Ring::attach).map_err(|error| thrown(env.raw(), &error))?;
        Ok(NativeRing(Some(State::current()?.rings.insert(ring))))
    }

    /// Runs `body` with the ring, unless it is closed.
    fn with<T>(&self, env: Env, body: impl FnOnce(&Ring) -> crate::error::Result<T>) -> Result<T> {
        let closed = || Error::new(Code::Closed, "this ring is closed");
        let ring = self.0.and_then(|number| State::current().ok()?.rings.get(number));
        let result = ring.ok_or_else(closed).and_then(|ring| body(ring));
        result.map_err(|error| thrown(env.raw(), &error))
    }

    #[napi]
    pub fn describe(&self, env: Env) -> Result<NativeDescription> {
        self.with(env, |ring| {
            let (segment, layout) = (ring.segment(), ring.layout());
            Ok(NativeDescription {
                name: segment.name().to_owned(),
                id: segment.id(),
                kind: layout.kind.name().to_owned(),
                capacity: layout.capacity as f64,
                max_record: layout.max_record() as f64,
            })
        })
    }

    #[napi]
    pub fn is_stale(&self, env: Env) -> Result<bool> {
        self.with(env, |ring| Ok(ring.segment().is_stale()))
    }

    #[napi]
    pub fn huge_page_bytes(&self, env: Env) -> Result<f64> {
        self.with(env, |ring| Ok(ring.huge_page_bytes()? as f64))
    }

    #[napi]
    pub fn attach_producer(&self, env: Env, label: String) -> Result<u32> {
        self.with(env, |ring| Producer::attach(ring.segment(), &label))
            .and_then(|producer| Ok(State::current()?.producers.insert(ProducerHandle::new(producer))))
    }

    #[napi]
    pub fn attach_consumer(&self, env: Env, label: String, end_when: String) -> Result<u32> {
        let end_when = if end_when == "no-producers" { EndWhen::NoProducers } else { EndWhen::Sealed };
        self.with(env, |ring| Consumer::attach(ring.segment(), &label, end_when))
            .and_then(|consumer| Ok(State::current()?.consumers.insert(ConsumerHandle::new(consumer))))
    }

    #[napi]
    pub fn is_consumer_alive(&self, env: Env) -> Result<bool> {
        self.with(env, Ring::is_consumer_alive)
    }

    /// Whether the living consumer is one of this thread's.
    #[napi]
    pub fn is_consumer_own(&self, env: Env) -> Result<bool> {
        let segment = self.with(env, |ring| Ok(ring.segment().clone()))?;
        Ok(reads(&mut State::current()?.consumers, &segment))
    }

    #[napi]
    pub fn seal(&self, env: Env) -> Result<()> {
        self.with(env, Ring::seal)
    }

    #[napi]
    pub fn stats(&self, env: Env) -> Result<NativeStats> {
        let stats = self.with(env, Ring::stats)?;
        Ok(NativeStats {
            written: stats.written as f64,
            read: stats.read as f64,
            records_waiting: stats.records_waiting as f64,
            bytes_waiting: stats.bytes_waiting as f64,
            abandoned: stats.abandoned as f64,
            aborted: stats.aborted as f64,
            full: stats.full as f64,
            producers: stats.producers,
            consumers: stats.consumers,
        })
    }

    /// Rows of [`OWNER_WORDS`] numbers, and the labels one behind the other: objects made here would
    /// cost more than all the rest.
    #[napi]
    pub fn owners(&self, env: Env) -> Result<NativeOwners> {
        let owners = self.with(env, Ring::owners)?;
        let mut numbers = Vec::with_capacity(owners.len() * OWNER_WORDS);
        let mut labels = String::new();
        for (owner, work) in owners {
            let claim = work.claim;
            let position = claim.map(|claim| claim.position / RECORD_ALIGN as u64);
            let row: [f64; OWNER_WORDS] = [
                f64::from(owner.slot),
                f64::from(u8::from(owner.role == Role::Producer)),
                f64::from(owner.pid),
                f64::from(u8::from(owner.alive)),
                owner.since_ms as f64,
                work.written as f64,
                owner.label.encode_utf16().count() as f64,
                position.map_or(-1.0, |position| position as f64),
                claim.map_or(0.0, |claim| claim.byte_length as f64),
                claim.map_or(0.0, |claim| claim.age_ms as f64),
            ];
            numbers.extend(row);
            labels.push_str(&owner.label);
        }
        Ok(NativeOwners { numbers: numbers.into(), labels })
    }

    #[napi]
    pub fn recover(&self, env: Env) -> Result<NativeRecovery> {
        let recovered = self.with(env, Ring::recover)?;
        Ok(NativeRecovery {
            slots_freed: recovered.slots,
            records_abandoned: recovered.reservations as f64,
            bytes_abandoned: recovered.bytes as f64,
        })
    }

    #[napi]
    pub fn inspect(&self, env: Env) -> Result<NativeInspector> {
        self.with(env, Ring::inspect).map(NativeInspector)
    }

    #[napi]
    pub fn inspect_next(&self, env: Env, inspector: &mut NativeInspector) -> Result<Option<NativeInspected>> {
        let seen = self.with(env, |ring| Ok(ring.inspect_next(&mut inspector.0)))?;
        Ok(seen.map(|seen| NativeInspected {
            position: (seen.position / RECORD_ALIGN as u64) as f64,
            state: seen.state.name().to_owned(),
            slot: seen.slot,
            byte_length: seen.byte_length as f64,
            bytes: seen.bytes.map(Buffer::from),
        }))
    }

    #[napi]
    pub fn unlink(&self, env: Env) -> Result<bool> {
        self.with(env, |ring| ring.segment().unlink())
    }

    /// Detaches. Handles keep the segment until they are closed.
    #[napi]
    pub fn close(&mut self) -> Result<()> {
        if let Some(number) = self.0.take() {
            State::current()?.rings.remove(number);
        }
        Ok(())
    }
}

#[napi(object)]
pub struct NativeObstacle {
    pub slot: u32,
    pub pid: u32,
    pub label: String,
    pub age_ms: f64,
    pub alive: bool,
}

/// Who holds up the next record of the consumer of that handle.
#[napi]
pub fn blocked_by(env: Env, handle: u32) -> Result<Option<NativeObstacle>> {
    let handle = State::current()?.consumers.get(handle).ok_or_else(closed);
    let obstacle = handle.and_then(|handle| handle.consumer.blocked_by());
    let obstacle = obstacle.map_err(|error| thrown(env.raw(), &error))?;
    Ok(obstacle.map(|obstacle| NativeObstacle {
        slot: obstacle.slot,
        pid: obstacle.pid,
        label: obstacle.label,
        age_ms: obstacle.age.as_millis() as f64,
        alive: obstacle.alive,
    }))
}

/// Whether that consumer should look again soon, because a death may be what it waits for.
#[napi]
pub fn is_blocked_lately(env: Env, handle: u32) -> Result<bool> {
    let handle = State::current()?.consumers.get(handle).ok_or_else(closed);
    let lately = handle.and_then(|handle| handle.consumer.is_blocked_lately());
    lately.map_err(|error| thrown(env.raw(), &error))
}
