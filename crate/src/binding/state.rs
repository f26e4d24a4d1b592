//! What one JavaScript environment holds: its handles, and how it makes its errors.

use std::cell::Cell;
use std::ptr;

use napi::{Error, Result, Status, check_status, sys};

use super::consumer::ConsumerHandle;
use super::lent::forget_witnesses;
use super::producer::ProducerHandle;
use super::text::Text;
use crate::attached::Ring;
use crate::ring::Payload;

/// Handles by number. JavaScript keeps the number; a closed one is reused, and nobody has it then.
pub struct Table<T> {
    entries: Vec<Option<Box<T>>>,
    free: Vec<u32>,
}

impl<T> Table<T> {
    const fn new() -> Self {
        Table { entries: Vec::new(), free: Vec::new() }
    }

    pub fn insert(&mut self, entry: T) -> u32 {
        let entry = Some(Box::new(entry));
        if let Some(index) = self.free.pop() {
            self.entries[index as usize] = entry;
            return index;
        }
        self.entries.push(entry);
        u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 handles are open")
    }

    #[inline]
    pub fn get(&mut self, index: u32) -> Option<&mut T> {
        self.entries.get_mut(index as usize)?.as_deref_mut()
    }

    pub fn remove(&mut self, index: u32) -> Option<Box<T>> {
        let entry = self.entries.get_mut(index as usize)?.take();
        if entry.is_some() {
            self.free.push(index);
        }
        entry
    }

    pub fn open(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().filter_map(Option::as_deref_mut)
    }
}

/// Everything of one environment. Owned by the environment's clean-up hook; raw callbacks get it as
/// their data, napi-rs functions through [`State::current`].
pub struct State {
    /// A function `(code, message, details) => Error`, set by the TypeScript side.
    pub make_error: sys::napi_ref,
    pub rings: Table<Ring>,
    pub producers: Table<ProducerHandle>,
    pub consumers: Table<ConsumerHandle>,
    /// Scratch of a batch, kept so that it is allocated once.
    pub payloads: Vec<Payload>,
    /// Scratch of a string.
    pub text: Text,
}

thread_local! {
    // A thread runs one environment at a time. No destructor: the clean-up hook comes first.
    static CURRENT: Cell<*mut State> = const { Cell::new(ptr::null_mut()) };
}

impl State {
    /// The state of this environment, made at the first load. A second copy of the package whose addon
    /// is a link to the same file loads it again: the functions of both must find the same handles.
    pub fn install(env: sys::napi_env) -> Result<*mut State> {
        let known = CURRENT.get();
        if !known.is_null() {
            return Ok(known);
        }
        let state = Box::into_raw(Box::new(State {
            make_error: ptr::null_mut(),
            rings: Table::new(),
            producers: Table::new(),
            consumers: Table::new(),
            payloads: Vec::new(),
            text: Text::new(),
        }));
        CURRENT.set(state);
        // SAFETY: the hook gets the state back exactly once, when nothing of the environment runs.
        check_status!(unsafe { sys::napi_add_env_cleanup_hook(env, Some(clean_up), state.cast()) })?;
        Ok(state)
    }

    /// The state of the environment that runs on this thread.
    pub fn current() -> Result<&'static mut State> {
        // SAFETY: set at load and cleared by the clean-up hook; callers run on the environment's
        // thread and hold no other reference, since none is kept across a call into JavaScript.
        unsafe { CURRENT.get().as_mut() }
            .ok_or_else(|| Error::new(Status::GenericFailure, "shmring: the environment has ended"))
    }
}

/// Gives up what the environment left open, in a Worker that was terminated, say: as after a kill,
/// but at once. It is no close, since nobody said that he had finished.
unsafe extern "C" fn clean_up(state: *mut std::ffi::c_void) {
    CURRENT.set(ptr::null_mut());
    forget_witnesses();
    // SAFETY: the pointer that `install` registered, given back once.
    let mut state = unsafe { Box::from_raw(state.cast::<State>()) };
    state.producers.open().for_each(ProducerHandle::abandon);
    state.consumers.open().for_each(ConsumerHandle::abandon);
}
