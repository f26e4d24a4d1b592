//! What the tests of golden segments share: where the goldens are, their text, the histories that make
//! them, and the fields of a segment.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod fields;
pub mod steps;
pub mod text;

use std::path::PathBuf;

use shmring::layout::{Kind, Layout};

pub const KINDS: [Kind; 2] = [Kind::Spsc, Kind::Mpsc];

/// The folder of this layout version's goldens. Those of an earlier one are never edited.
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../test/golden/v1"))
}

/// A golden segment of this kind.
pub fn read(kind: Kind, what: &str) -> String {
    text_of(&format!("{}.{what}", kind.name()))
}

pub fn history(name: &str) -> String {
    text_of(&format!("{name}.history"))
}

fn text_of(name: &str) -> String {
    let path = folder().join(format!("{name}.txt"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The layout of the goldens of a kind: that of its least capacity.
pub fn layout(kind: Kind) -> Layout {
    Layout::new(kind, kind.min_capacity()).unwrap()
}
