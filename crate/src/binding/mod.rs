//! The Node-API binding. What runs per record is a raw callback that finds its handle by number
//! ([`producer`], [`consumer`]); everything else goes through napi-rs ([`ring`]).

mod bytes;
mod call;
mod consumer;
mod errors;
mod hot_path;
mod lent;
mod memory;
mod placement;
mod probe;
mod producer;
mod ring;
mod state;
mod text;

use napi::bindgen_prelude::{Object, Result};
use napi::{Env, JsValue};
use napi_derive::napi;

#[napi(module_exports)]
pub fn init(exports: Object, env: Env) -> Result<()> {
    let (env, exports) = (env.raw(), exports.raw());
    let state = state::State::install(env)?;
    call::export(env, exports, state, producer::FUNCTIONS)?;
    call::export(env, exports, state, consumer::FUNCTIONS)
}
