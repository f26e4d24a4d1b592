//! What segments there are: looks at files that anybody may have put there, and disturbs nobody.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use super::header::Header;
use super::hexadecimal;
use super::name::{Location, resolve, ring_of};
use super::open::{find, open_held, read_header, trust};
use super::system::failure;
use crate::error::Result;
use crate::layout::{Kind, Layout, slot};
use crate::lock::{self, Liveness};
use crate::owners::is_held;

/// One entry of [`list`]. What could not be learnt is empty or zero, and `error` says why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Info {
    pub name: String,
    pub id: String,
    pub kind: Option<Kind>,
    /// Bytes of the data area.
    pub capacity: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Permission bits of the file.
    pub mode: u32,
    /// Slots whose owner lives.
    pub alive: u32,
    /// Slots whose owner died and that nobody has recovered.
    pub dead: u32,
    /// Why this cannot be opened.
    pub error: Option<String>,
}

/// Every segment of a directory, by name. A broken file is an entry with an error.
pub fn list(directory: Option<&Path>) -> Result<Vec<Info>> {
    let directory = resolve(directory)?;
    let doing = format!("cannot list {}", directory.display());
    let explain = |error: std::io::Error| failure("readdir", &error, &doing);
    let mut infos = Vec::new();
    for entry in std::fs::read_dir(&directory).map_err(explain)? {
        let file_name = entry.map_err(explain)?.file_name();
        let Some(name) = ring_of(&file_name) else {
            continue;
        };
        let location = Location::new(name, Some(&directory))?;
        let mut info = Info { name: location.name.clone(), ..Info::default() };
        match look(&location, &mut info) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => info.error = Some(error.to_string()),
        }
        infos.push(info);
    }
    infos.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(infos)
}

/// Fills in what can be learnt of one segment. False: it is gone.
fn look(location: &Location, info: &mut Info) -> Result<bool> {
    let Some((held, metadata)) = find(location)? else {
        return Ok(false);
    };
    info.bytes = metadata.len();
    info.mode = metadata.mode() & 0o7777;
    let file = open_held(&held, location, false)?;
    let header = read_header(&file, &metadata, location)?;
    info.id = hexadecimal(&header.id);
    info.kind = Some(header.layout.kind);
    info.capacity = header.layout.capacity as u64;
    count(&file, &header, location, info)?;
    trust(&metadata, &header, location)?;
    Ok(true)
}

/// How often slots are looked at again whose owners come and go meanwhile.
const ROUNDS: usize = 64;

/// Counts owners without mapping, at one moment as [`crate::census`] does. Owners that come and go too fast
/// for that count as alive.
fn count(file: &File, header: &Header, location: &Location, info: &mut Info) -> Result<()> {
    let layout = &header.layout;
    let look = |index: usize, state: u64| {
        is_held(state).then(|| lock::probe(file, layout.slot(index as u32))).transpose()
    };
    let mut before = states(file, layout, location)?;
    let mut found = Vec::with_capacity(before.len());
    for (index, state) in before.iter().enumerate() {
        found.push(look(index, *state)?);
    }
    let mut after = states(file, layout, location)?;
    for _ in 0..ROUNDS {
        if after == before {
            break;
        }
        for (index, state) in after.iter().enumerate().filter(|(index, state)| before[*index] != **state) {
            found[index] = look(index, *state)?;
        }
        (before, after) = (after, states(file, layout, location)?);
    }
    for (index, found) in found.iter().enumerate() {
        let changed = before[index] != after[index];
        info.alive += u32::from(changed || *found == Some(Liveness::Alive));
        info.dead += u32::from(!changed && *found == Some(Liveness::Dead));
    }
    Ok(())
}

/// The state words of all slots.
fn states(file: &File, layout: &Layout, location: &Location) -> Result<Vec<u64>> {
    let mut slots = vec![0; layout.slot_count as usize * slot::BYTES];
    file.read_exact_at(&mut slots, layout.slots as u64)
        .map_err(|error| super::open::cannot("pread", &error, location))?;
    let state = |slot: &[u8]| {
        let mut state = [0; 8];
        state.copy_from_slice(&slot[slot::STATE..slot::STATE + 8]);
        u64::from_ne_bytes(state)
    };
    Ok(slots.chunks_exact(slot::BYTES).map(state).collect())
}
