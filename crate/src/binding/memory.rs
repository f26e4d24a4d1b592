//! The data area as one Buffer a handle (and the whole segment as another, see `hot_path`), and how they end.
//!
//! Two things keep its address range: the bytes under the Buffer, and its ArrayBuffer, which is empty
//! once the handle is closed but is held by work under way (a file read, a compression) whose thread
//! goes on using the address. The range is unmapped when both are gone. Until then its pages are
//! anonymous ones from the end of the handle on: who comes late reads zeros and writes to nobody's ring.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use napi::sys;

use crate::error::{Code, Error, Result};
use crate::mapping::Mapping;

/// The Buffer that JavaScript has of a handle's data area.
pub struct View(Rc<Exported>);

struct Exported {
    env: sys::napi_env,
    mapping: Arc<Mapping>,
    /// The Buffer's ArrayBuffer, weakly; null once that is collected.
    array: Cell<sys::napi_ref>,
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
        let exported = Rc::new(Exported { env, mapping: mapping.clone(), array: Cell::new(ptr::null_mut()) });
        let (mut buffer, mut seen, mut array) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        let hint = Exported::lend(&exported);
        // SAFETY: the memory lives until `bytes_freed` gives its share of the mapping back.
        let status = unsafe {
            sys::napi_create_external_buffer(env, length, data.cast(), Some(bytes_freed), hint, &mut buffer)
        };
        if status != sys::Status::napi_ok {
            // SAFETY: nobody else took what was to be given to the Buffer.
            unsafe { Exported::give_back(hint) };
            return Err(no_external_memory());
        }
        // SAFETY: the Buffer made above.
        unsafe {
            let (kind, length, offset) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            sys::napi_get_typedarray_info(env, buffer, kind, length, &mut seen, &mut array, offset);
        }
        if seen.cast() != data {
            return Err(no_external_memory());
        }
        exported.watch(array)?;
        Ok((View(exported), buffer))
    }

    /// Ends the life of the memory: the Buffer gets length 0, and what escaped reads zeros.
    pub fn end(&self) {
        let exported = &*self.0;
        if let Some(array) = exported.attached() {
            // SAFETY: called inside a callback of the environment.
            unsafe { sys::napi_detach_arraybuffer(exported.env, array) };
        }
        self.retire();
    }

    /// Replaces the pages, for whoever still has them.
    pub fn retire(&self) {
        // It can only fail for want of kernel memory; the pages then stay shared until collected.
        let _ = self.0.mapping.retire();
    }

    /// To be called before the bytes are transferred. They may go to another thread then, and the
    /// runtime calls them freed when this one ends: the address range is never given back.
    pub fn outlive(&self) {
        std::mem::forget(self.0.mapping.clone());
    }
}

impl Exported {
    /// A share for a finalizer, to be given back by it.
    fn lend(this: &Rc<Exported>) -> *mut c_void {
        Rc::into_raw(this.clone()).cast_mut().cast()
    }

    /// # Safety
    /// `hint` is what [`Exported::lend`] gave, given back once and on the environment's thread.
    unsafe fn give_back(hint: *mut c_void) -> Rc<Exported> {
        // SAFETY: the caller's contract.
        unsafe { Rc::from_raw(hint.cast_const().cast::<Exported>()) }
    }

    /// Keeps the mapping until the ArrayBuffer is collected, too.
    fn watch(self: &Rc<Exported>, array: sys::napi_value) -> Result<()> {
        let hint = Exported::lend(self);
        let mut reference = ptr::null_mut();
        // SAFETY: values of the running call; the finalizer gives back the share that it is lent.
        unsafe {
            let (data, collected) = (ptr::null_mut(), Some(array_collected as _));
            let status = sys::napi_add_finalizer(self.env, array, data, collected, hint, &mut reference);
            if status != sys::Status::napi_ok {
                Exported::give_back(hint);
                return Err(no_external_memory());
            }
        }
        self.array.set(reference);
        Ok(())
    }

    /// The ArrayBuffer, if it has the bytes.
    fn attached(&self) -> Option<sys::napi_value> {
        if self.array.get().is_null() {
            return None;
        }
        let (mut array, mut detached) = (ptr::null_mut(), true);
        // SAFETY: the finalizer that deletes the reference leaves null; called inside a callback.
        unsafe {
            sys::napi_get_reference_value(self.env, self.array.get(), &mut array);
            if !array.is_null() {
                sys::napi_is_detached_arraybuffer(self.env, array, &mut detached);
            }
        }
        (!detached).then_some(array)
    }
}

/// Some runtimes copy instead of sharing, which would be a private ring.
fn no_external_memory() -> Error {
    Error::new(
        Code::Unsupported,
        "this JavaScript runtime does not let native memory be shared with it (Electron, say)",
    )
}

/// Nobody has the bytes any more, or the environment ends.
unsafe extern "C" fn bytes_freed(_env: sys::napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: the share lent to the bytes.
    drop(unsafe { Exported::give_back(hint) });
}

/// Nobody has the ArrayBuffer any more, with its bytes or without.
unsafe extern "C" fn array_collected(env: sys::napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: the share lent to the ArrayBuffer, whose reference may be deleted from here on.
    unsafe {
        let exported = Exported::give_back(hint);
        sys::napi_delete_reference(env, exported.array.replace(ptr::null_mut()));
    }
}
