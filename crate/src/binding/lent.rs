//! Bytes that are lent to JavaScript, and when nobody can have them any more.
//!
//! JavaScript can move them from the ArrayBuffer that they were lent in to another, and that to another
//! thread: by `transfer`, by a byte stream, elsewhere by a message. No call of ours takes part in it, so
//! it is not watched for; what counts is the state when something is to be given back.
//!
//! The runtime says when the bytes are *freed*. While the environment lives, that is when no ArrayBuffer
//! of any thread has them. (Deno says it then and never else, on whatever thread frees them, even after
//! the end of the environment.) When an environment ends, Node and Bun call everything freed that it has
//! lent, though another thread may be reading it. They do so in the reverse order of creation: what was
//! made after the bytes, a [`Witness`], is told first, and sees whether the ArrayBuffer still has them.
//! If not, their addresses are never given back.

use std::cell::RefCell;
use std::ffi::c_void;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, ThreadId};

use napi::sys;

use super::memory::{Array, Bytes};
use crate::mapping::Mapping;

/// The mapping, as long as the bytes may be anywhere.
pub struct Lent {
    mapping: Arc<Mapping>,
    env: sys::napi_env,
    /// The environment's.
    thread: ThreadId,
    /// A [`Fate`].
    fate: AtomicU8,
}

/// What is known of the bytes before they are called freed.
enum Fate {
    /// Nothing: it is for the environment that still lives to say.
    Unknown,
    /// They were in their own ArrayBuffer to the end, and have been taken from it or end with it.
    AtHome,
    /// They were not, when the environment ended.
    Away,
}

// SAFETY: the environment is only used on its own thread, which is compared first.
unsafe impl Send for Lent {}
// SAFETY: as above.
unsafe impl Sync for Lent {}

impl Lent {
    pub fn new(env: sys::napi_env, mapping: Arc<Mapping>) -> Arc<Lent> {
        let thread = thread::current().id();
        Arc::new(Lent { mapping, env, thread, fate: AtomicU8::new(Fate::Unknown as u8) })
    }

    /// A Buffer of the `length` bytes at `data`, which lie in the mapping.
    pub fn buffer(self: &Arc<Lent>, data: *mut u8, length: usize) -> Option<sys::napi_value> {
        let hint = Arc::into_raw(self.clone());
        external(self.env, data, length, bytes_freed, hint.cast_mut().cast(), || {
            // SAFETY: nobody else took what was to be given to the Buffer.
            drop(unsafe { Arc::from_raw(hint) });
        })
    }

    /// Says for good what became of the bytes.
    fn settle(&self, fate: Fate) {
        let unknown = Fate::Unknown as u8;
        // ORDERING: Relaxed; written and read on the environment's thread, or else of no matter.
        let _ = self.fate.compare_exchange(unknown, fate as u8, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether this call of the finalizer shows that nobody has the bytes.
    fn are_free(&self) -> bool {
        if frees_late(self.env) || thread::current().id() != self.thread {
            return true;
        }
        // ORDERING: Relaxed; as above.
        match self.fate.load(Ordering::Relaxed) {
            fate if fate == Fate::AtHome as u8 => true,
            fate if fate == Fate::Away as u8 => false,
            _ => lives(self.env),
        }
    }
}

/// Nobody has the bytes any more, or the environment ends. On any thread.
unsafe extern "C" fn bytes_freed(_env: sys::napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: the share lent with the bytes.
    let lent = unsafe { Arc::from_raw(hint.cast_const().cast::<Lent>()) };
    if !lent.are_free() {
        mem::forget(lent.mapping.clone());
    }
}

/// Something that the environment's end comes to before it comes to the bytes.
pub struct Witness {
    env: sys::napi_env,
    lent: Weak<Lent>,
    /// Keeps its Buffer from being collected; null where there is none.
    kept: sys::napi_ref,
}

/// What a witness looks at.
struct Sight {
    lent: Weak<Lent>,
    array: Arc<Array>,
}

thread_local! {
    /// Those of handles that are closed, of which bytes may still be somewhere.
    static STAYING: RefCell<Vec<Witness>> = const { RefCell::new(Vec::new()) };
}

impl Witness {
    pub fn new(env: sys::napi_env, lent: &Arc<Lent>, array: &Arc<Array>) -> Option<Witness> {
        let mut kept = ptr::null_mut();
        if !frees_late(env) {
            let sight = Box::into_raw(Box::new(Sight { lent: Arc::downgrade(lent), array: array.clone() }));
            // Nobody gets this Buffer; an address of its own is all that it needs.
            let buffer = external(env, sight.cast(), 1, witnessed, sight.cast(), || {
                // SAFETY: nobody else took it.
                drop(unsafe { Box::from_raw(sight) });
            })?;
            // SAFETY: a value of the running call.
            let status = unsafe { sys::napi_create_reference(env, buffer, 1, &mut kept) };
            if status != sys::Status::napi_ok {
                return None;
            }
        }
        Some(Witness { env, lent: Arc::downgrade(lent), kept })
    }

    /// To be called when the ArrayBuffer has the bytes, before they are taken from it.
    pub fn dismiss(self) {
        if let Some(lent) = self.lent.upgrade() {
            lent.settle(Fate::AtHome);
        }
        self.drop_buffer();
    }

    /// To be called where the bytes are somewhere else, or nowhere.
    pub fn stay(self) {
        let done: Vec<Witness> = STAYING.with_borrow_mut(|staying| {
            staying.push(self);
            staying.extract_if(.., |witness| witness.lent.strong_count() == 0).collect()
        });
        done.into_iter().for_each(Witness::drop_buffer);
    }

    fn drop_buffer(self) {
        if !self.kept.is_null() {
            // SAFETY: the reference was made with this and ends with it; called inside a callback.
            unsafe { sys::napi_delete_reference(self.env, self.kept) };
        }
    }
}

/// To be called when the environment of this thread has ended, and its references with it.
pub fn forget_witnesses() {
    STAYING.take();
}

/// The environment ends, or the witness was told to go.
unsafe extern "C" fn witnessed(env: sys::napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: the box lent to the witness's Buffer, which nobody can move elsewhere.
    let sight = unsafe { Box::from_raw(hint.cast::<Sight>()) };
    let Some(lent) = sight.lent.upgrade() else { return };
    if lent.thread == thread::current().id() {
        lent.settle(match sight.array.bytes(env) {
            Bytes::Attached(_) => Fate::AtHome,
            Bytes::Gone => Fate::Away,
        });
    }
}

fn external(
    env: sys::napi_env,
    data: *mut u8,
    length: usize,
    freed: unsafe extern "C" fn(sys::napi_env, *mut c_void, *mut c_void),
    hint: *mut c_void,
    refused: impl FnOnce(),
) -> Option<sys::napi_value> {
    let mut buffer = ptr::null_mut();
    // SAFETY: the callers' bytes live until `freed` is called.
    let status =
        unsafe { sys::napi_create_external_buffer(env, length, data.cast(), Some(freed), hint, &mut buffer) };
    if status != sys::Status::napi_ok {
        refused();
        return None;
    }
    Some(buffer)
}

/// Whether this runtime calls bytes freed only when nobody has them: Deno. It also makes no values at the
/// end of an environment, so that nothing could be seen there.
fn frees_late(env: sys::napi_env) -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let mut version = ptr::null();
        // SAFETY: called first inside a callback; what it points at is static.
        unsafe {
            let status = sys::napi_get_node_version(env, &mut version);
            status == sys::Status::napi_ok && std::ffi::CStr::from_ptr((*version).release) == c"Deno"
        }
    })
}

/// Whether the environment can run JavaScript still: asked by a call that refuses when it cannot. Should
/// some runtime come to the bytes before it comes to the witness, this leaves them mapped.
fn lives(env: sys::napi_env) -> bool {
    let (mut value, mut result) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: a finalizer on the environment's thread.
    unsafe {
        sys::napi_get_undefined(env, &mut value);
        sys::napi_coerce_to_bool(env, value, &mut result) == sys::Status::napi_ok
    }
}
