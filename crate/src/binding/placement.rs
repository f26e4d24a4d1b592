//! Where and how the calling thread runs.

use napi::Env;
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use super::errors::thrown;
use crate::placement::{self, PlacementOptions};

#[napi(object)]
pub struct NativePlacement {
    pub cpus: Vec<u32>,
    pub realtime: u32,
}

#[napi]
pub fn place_thread(env: Env, cpus: Option<Vec<u32>>, realtime: Option<u32>) -> Result<NativePlacement> {
    let before = placement::place_thread(&PlacementOptions { cpus, realtime });
    let before = before.map_err(|error| thrown(env.raw(), &error))?;
    Ok(NativePlacement { cpus: before.cpus, realtime: before.realtime })
}
