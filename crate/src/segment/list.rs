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
use crate::layout::{Kind, slot};
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

/// Counts owners without mapping: state first, then the lock.
fn count(file: &File, header: &Header, location: &Location, info: &mut Info) -> Result<()> {
    let layout = &header.layout;
    let mut slots = vec![0; layout.slot_count as usize * slot::BYTES];
    file.read_exact_at(&mut slots, layout.slots as u64)
        .map_err(|error| super::open::cannot("pread", &error, location))?;
    for index in 0..layout.slot_count {
        let at = index as usize * slot::BYTES + slot::STATE;
        let mut state = [0; 8];
        state.copy_from_slice(&slots[at..at + 8]);
        if !is_held(u64::from_ne_bytes(state)) {
            continue;
        }
        match lock::probe(file, layout.slot(index))? {
            Liveness::Alive => info.alive += 1,
            Liveness::Dead => info.dead += 1,
        }
    }
    Ok(())
}
