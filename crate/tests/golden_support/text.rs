//! The text of a golden segment: test/golden/README.md says how it is written. Read here, and made here
//! for a new one.

use std::fmt::Write;

use shmring::layout::{GRANULE, Kind, Layout, RECORD_HEADER, control, slot};
use shmring::record::Header;
use shmring::ring::mpsc::{State, Word};

use super::fields::{self, Field};

/// A golden segment.
pub struct Golden {
    pub bytes: Vec<u8>,
    /// Where any byte may stand.
    pub any: Vec<bool>,
    /// What lies in the ring, a line each.
    pub contents: Vec<String>,
    pub stats: String,
    /// The offset and the note of each line.
    notes: Vec<(usize, String)>,
}

pub fn parse(text: &str) -> Golden {
    let (mut contents, mut stats, mut notes) = (Vec::new(), String::new(), Vec::new());
    let (mut bytes, mut any) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let (line, note) = line.split_once('#').unwrap_or((line, ""));
        let Some((first, rest)) = line.trim().split_once(' ') else { continue };
        match first {
            "size" => {
                bytes = vec![0; rest.parse().unwrap()];
                any = vec![false; bytes.len()];
            }
            "holds" => contents.push(rest.to_owned()),
            "stats" => stats = rest.to_owned(),
            offset => {
                let mut at = usize::from_str_radix(offset, 16).unwrap();
                notes.push((at, note.trim().to_owned()));
                for token in rest.split_ascii_whitespace() {
                    if let Some(letters) = token.strip_prefix('"') {
                        let letters = letters.strip_suffix('"').unwrap().as_bytes();
                        bytes[at..at + letters.len()].copy_from_slice(letters);
                        at += letters.len();
                    } else {
                        any[at] = token == "??";
                        bytes[at] = if any[at] { 0 } else { u8::from_str_radix(token, 16).unwrap() };
                        at += 1;
                    }
                }
            }
        }
    }
    Golden { bytes, any, contents, stats, notes }
}

impl Golden {
    /// Fails with the first byte that is another one, and what it means.
    pub fn assert_matches(&self, found: &[u8]) {
        assert_eq!(found.len(), self.bytes.len(), "the size of the segment");
        if let Some(at) = (0..found.len()).find(|&at| !self.any[at] && found[at] != self.bytes[at]) {
            let note = self.notes.iter().rev().find(|(start, _)| *start <= at);
            let (start, note) = note.map_or((0, ""), |(start, note)| (*start, note));
            panic!(
                "byte {at:#x} is {:#04x} and not {:#04x}; the golden's last line before, {start:#x}, says: {note}",
                found[at], self.bytes[at]
            );
        }
    }
}

/// The text of a segment. `varying`: with `??` for what is another byte each time.
pub fn make(
    title: &str,
    layout: &Layout,
    bytes: &[u8],
    varying: bool,
    contents: &[String],
    stats: &str,
) -> String {
    let mut text = format!("# {title}\nsize {}\nstats {stats}\n", bytes.len());
    for line in contents {
        writeln!(text, "holds {line}").unwrap();
    }
    let is_used = |field: &Field| {
        let index = field.at.saturating_sub(layout.slots) / slot::BYTES;
        field.at < layout.slots || word(bytes, layout.slot(index as u32) + slot::STATE) != 0
    };
    let all = fields::of_header().into_iter().chain(fields::of_words(layout));
    for field in all {
        let found = &bytes[field.at..field.at + field.bytes];
        let last = found.iter().rposition(|&byte| byte != 0);
        if field.varies && varying && is_used(&field) {
            line(&mut text, field.at, &vec!["??"; field.bytes].join(" "), &field.name);
        } else if let Some(last) = last {
            // Of a label, as much as there is.
            let end = if field.bytes > 16 { last + 1 } else { field.bytes };
            line(&mut text, field.at, &tokens(&found[..end]), &field.name);
        }
    }
    if layout.kind == Kind::Mpsc {
        for at in (layout.chain..layout.data).step_by(8) {
            let word = Word(word(bytes, at));
            if word.0 != 0 {
                let state = match word.state() {
                    State::Reserved => "reserved",
                    State::Committed => "committed",
                    State::Pad => "pad",
                    State::Abandoned => "abandoned",
                };
                let granule = (at - layout.chain) / 8;
                let (lap, owner, granules) = (word.lap(), word.owner(), word.granules());
                let note = format!("granule {granule}: {state}, {granules} of slot {owner}, lap {lap}");
                line(&mut text, at, &tokens(&bytes[at..at + 8]), &note);
            }
        }
    }
    data(&mut text, layout, bytes);
    text
}

/// The data area: a line a header, and one for up to 64 bytes of what lies between two.
fn data(text: &mut String, layout: &Layout, bytes: &[u8]) {
    let tail = word(bytes, layout.control + control::TAIL);
    let end = layout.data + layout.capacity;
    let mut at = layout.data;
    while at < end {
        if let Some(note) = header(layout, tail, at, word(bytes, at)) {
            line(text, at, &tokens(&bytes[at..at + RECORD_HEADER]), &note);
            at += RECORD_HEADER;
            continue;
        }
        let start = at;
        while at < end
            && at - start < 64
            && word(bytes, at) != 0
            && header(layout, tail, at, word(bytes, at)).is_none()
        {
            at += 8;
        }
        if at > start {
            line(text, start, &tokens(&bytes[start..at]), "");
        } else {
            at += 8;
        }
    }
}

/// What a word says if it is a header, of the latest position that it can stand at.
fn header(layout: &Layout, tail: u64, at: usize, word: u64) -> Option<String> {
    let offset = (at - layout.data) as u64;
    let unit = if layout.kind == Kind::Mpsc { GRANULE as u64 } else { 8 };
    if word == 0 || !offset.is_multiple_of(unit) {
        return None;
    }
    let laps = tail / layout.capacity as u64 + 1;
    let (position, header) = (0..laps).rev().find_map(|lap| {
        let position = lap * layout.capacity as u64 + offset;
        Header::decode(position, word).map(|header| (position, header))
    })?;
    let tag = word >> 32 & 0xffff;
    let tag = if tag == 0 { String::new() } else { format!(", tag {tag}") };
    Some(match header {
        Header::Record(length) => format!("position {position}: a record of {length} bytes{tag}"),
        Header::Padding(length) => format!("position {position}: padding of {length} bytes{tag}"),
    })
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Bytes in hexadecimal, and runs of letters as such.
fn tokens(bytes: &[u8]) -> String {
    let mut tokens: Vec<String> = Vec::new();
    for run in bytes.chunk_by(|a, b| a.is_ascii_lowercase() == b.is_ascii_lowercase()) {
        if run[0].is_ascii_lowercase() && run.len() > 1 {
            tokens.push(format!("\"{}\"", String::from_utf8_lossy(run)));
        } else {
            tokens.extend(run.iter().map(|byte| format!("{byte:02x}")));
        }
    }
    tokens.join(" ")
}

fn line(text: &mut String, at: usize, tokens: &str, note: &str) {
    let line = format!("{at:06x} {tokens}");
    let line = if note.is_empty() { line } else { format!("{line:<32} # {note}") };
    writeln!(text, "{line}").unwrap();
}
