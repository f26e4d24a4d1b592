//! The data area as one Buffer a handle (and the whole segment as another, see `hot_path`), and how they end.
//!
//! Two things keep its address range: the bytes under the Buffer, wherever they have been moved to (see
//! `lent`), and its ArrayBuffer, which is empty once the handle is closed but is held by work under way (a
//! file read, a compression) whose thread goes on using the address. The range is unmapped when both are
//! gone. Until then its pages are anonymous ones from the end of the handle on: who comes late reads zeros
//! and writes to nobody's ring, and the ring's own pages are let go.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use napi::sys;

use super::lent::{Lent, Witness};
use crate::error::{Code, Error, Result};
use crate::mapping::Mapping;

/// The Buffer that JavaScript has of a handle's data area.
pub struct View {
    env: sys::napi_env,
    mapping: Arc<Mapping>,
    array: Arc<Array>,
    witness: Witness,
}

/// The ArrayBuffer of an exported Buffer, weakly.
pub struct Array(AtomicPtr<sys::napi_ref__>);

/// Whether an ArrayBuffer has its bytes.
pub enum Bytes {
    Attached(sys::napi_value),
    /// Somebody has moved them elsewhere, or the ArrayBuffer is collected.
    Gone,
}

impl View {
    /// Makes a Buffer over the `length` bytes of the segment from `start`.
    pub fn export(
        env: sys::napi_env,
        mapping: &Arc<Mapping>,
        start: usize,
        length: usize,
    ) -> Result<(View, sys::napi_value)> {
        assert!(start + length <= mapping.length());
        // SAFETY: within the mapping.
        let data = unsafe { mapping.base().add(start) };
        let lent = Lent::new(env, mapping.clone());
        let buffer = lent.buffer(data, length).ok_or_else(no_external_memory)?;
        let (mut seen, mut array) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the Buffer made above.
        unsafe {
            let (kind, length, offset) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            sys::napi_get_typedarray_info(env, buffer, kind, length, &mut seen, &mut array, offset);
        }
        if seen.cast() != data {
            return Err(no_external_memory());
        }
        let array = Array::watch(env, array, mapping).ok_or_else(no_external_memory)?;
        // Last: what is made last is told first of the environment's end.
        let witness = Witness::new(env, &lent, &array).ok_or_else(no_external_memory)?;
        Ok((View { env, mapping: mapping.clone(), array, witness }, buffer))
    }

    /// Ends the life of the memory: the Buffer gets length 0, and what escaped reads zeros.
    pub fn end(self) {
        // Before the bytes are let go, which may be the last that anybody knows of them.
        self.retire();
        match self.array.bytes(self.env) {
            Bytes::Attached(array) => {
                self.witness.dismiss();
                // SAFETY: called inside a callback of the environment.
                unsafe { sys::napi_detach_arraybuffer(self.env, array) };
            }
            Bytes::Gone => self.witness.stay(),
        }
    }

    /// Replaces the pages, for whoever still has them.
    pub fn retire(&self) {
        // It can only fail for want of kernel memory; the pages then stay shared until collected.
        let _ = self.mapping.retire();
    }
}

impl Array {
    /// Keeps the mapping until the ArrayBuffer is collected.
    fn watch(env: sys::napi_env, array: sys::napi_value, mapping: &Arc<Mapping>) -> Option<Arc<Array>> {
        let this = Arc::new(Array(AtomicPtr::default()));
        let hint = Box::into_raw(Box::new((this.clone(), mapping.clone())));
        let mut reference = ptr::null_mut();
        // SAFETY: values of the running call; the finalizer takes the box back.
        unsafe {
            let (data, collected) = (ptr::null_mut(), Some(array_collected as _));
            let status = sys::napi_add_finalizer(env, array, data, collected, hint.cast(), &mut reference);
            if status != sys::Status::napi_ok {
                drop(Box::from_raw(hint));
                return None;
            }
        }
        this.set(reference);
        Some(this)
    }

    fn set(&self, reference: sys::napi_ref) -> sys::napi_ref {
        // ORDERING: Relaxed; all of it happens on the environment's thread.
        self.0.swap(reference, Ordering::Relaxed)
    }

    /// To be called on the environment's thread, where values can be made.
    pub fn bytes(&self, env: sys::napi_env) -> Bytes {
        // ORDERING: Relaxed; as above.
        let reference = self.0.load(Ordering::Relaxed);
        if reference.is_null() {
            return Bytes::Gone;
        }
        let (mut array, mut detached) = (ptr::null_mut(), true);
        // SAFETY: the finalizer that deletes the reference leaves null; the caller's contract.
        unsafe {
            sys::napi_get_reference_value(env, reference, &mut array);
            if !array.is_null() {
                sys::napi_is_detached_arraybuffer(env, array, &mut detached);
            }
        }
        if detached { Bytes::Gone } else { Bytes::Attached(array) }
    }
}

/// Some runtimes copy instead of sharing, which would be a private ring.
fn no_external_memory() -> Error {
    Error::new(
        Code::Unsupported,
        "this JavaScript runtime does not let native memory be shared with it (Electron, say)",
    )
}

/// Nobody has the ArrayBuffer any more, with its bytes or without.
unsafe extern "C" fn array_collected(env: sys::napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: the box lent to the ArrayBuffer, whose reference may be deleted from here on.
    unsafe {
        let watched = Box::from_raw(hint.cast::<(Arc<Array>, Arc<Mapping>)>());
        sys::napi_delete_reference(env, watched.0.set(ptr::null_mut()));
    }
}
