//! What a producer does per record, and its waits: raw callbacks whose first argument is a handle.

use std::ptr;
use std::time::Duration;

use napi::sys;

use super::bytes::payload;
use super::call::{Answer, Arguments, Function, UNDEFINED, closed, finish, read, with_handle};
use super::consumer::reads;
use super::hot_path::{self, HotPath};
use super::memory::View;
use super::state::State;
use crate::attached::Producer;
use crate::error::{Code, Error, Result};
use crate::layout::Layout;

pub const FUNCTIONS: &[Function] = &[
    (c"producerMemory", producer_memory),
    (c"producerHotPath", hot_path::hot_path),
    (c"tellConsumer", hot_path::tell),
    (c"tryWrite", try_write),
    (c"tryWriteString", try_write_string),
    (c"tryWriteBatch", try_write_batch),
    (c"tryWriteMany", try_write_many),
    (c"tryClaim", try_claim),
    (c"commit", commit),
    (c"abort", abort),
    (c"waitForRoom", wait_for_room),
    (c"producerPosition", position),
    (c"isReleased", is_released),
    (c"consumerAlive", consumer_alive),
    (c"producerSealed", sealed),
    (c"closeProducer", close),
];

/// A producer and the Buffer that JavaScript has of its memory.
pub struct ProducerHandle {
    pub producer: Producer,
    pub hot_path: Option<HotPath>,
    view: Option<View>,
}

impl ProducerHandle {
    /// A handle whose memory `producerMemory` has yet to make.
    pub fn new(producer: Producer) -> Self {
        ProducerHandle { producer, hot_path: None, view: None }
    }

    /// Runs `body` with the producer as it is after all that JavaScript has written by itself.
    #[inline]
    fn run<A>(&mut self, body: impl FnOnce(&mut Producer) -> Result<A>) -> Result<A> {
        let ProducerHandle { producer, hot_path, .. } = self;
        if let Some(hot_path) = hot_path {
            hot_path.settle(producer);
        }
        let answer = body(producer).inspect_err(|error| give_up_if_poisoned(producer, error));
        if let Some(hot_path) = hot_path {
            hot_path.resume(producer);
        }
        answer
    }

    /// What the end of its environment leaves of it.
    pub fn abandon(&mut self) {
        self.producer.abandon();
        if let Some(view) = &self.view {
            view.retire();
        }
        if let Some(hot_path) = &self.hot_path {
            hot_path.retire();
        }
    }
}

/// Records of a batch that are taken without an allocation.
const BATCH: usize = 64;

#[inline]
pub unsafe fn with<const N: usize, A: Answer>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&mut Producer, &Arguments<N>) -> Result<A>,
) -> sys::napi_value {
    let body = |handle: &mut ProducerHandle, arguments: &Arguments<N>| {
        handle.run(|producer| body(producer, arguments))
    };
    // SAFETY: the caller is such a callback.
    unsafe { with_handle(env, info, |state| &mut state.producers, body) }
}

/// A producer that found damage can write no more: its slot is for somebody else. Damage elsewhere, in
/// the consumer's slot say, does not end it: it goes on writing and must keep its slot.
fn give_up_if_poisoned(producer: &mut Producer, error: &Error) {
    if matches!(error.code, Code::Corrupt | Code::Fenced) && producer.ring().is_poisoned() {
        producer.close();
    }
}

/// `undefined` when written, which costs nothing to make; false when full.
struct Written(bool);

impl Answer for Written {
    #[inline]
    fn value(self, env: sys::napi_env) -> sys::napi_value {
        if self.0 { UNDEFINED } else { false.value(env) }
    }
}

#[cold]
fn not_a_record() -> Error {
    Error::new(Code::InvalidArgument, "a record is a string or a view of an ArrayBuffer that is not detached")
}

/// `(handle)`: the handle's memory. To be called once, first.
unsafe extern "C" fn producer_memory(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: first in the callback.
    let (arguments, state) = unsafe { read::<1>(env, info) };
    let Some(handle) = state.producers.get(arguments.u32(0)) else { return UNDEFINED };
    let (mapping, segment) = (handle.producer.mapping(), handle.producer.segment());
    let Layout { data, capacity, .. } = *segment.layout();
    let memory = View::export(env, mapping, data, capacity).map(|(view, buffer)| {
        handle.view = Some(view);
        buffer
    });
    if memory.is_err() {
        // Nobody will get the handle: it gives its slot back.
        state.producers.remove(arguments.u32(0));
    }
    finish(env, state.make_error, memory)
}

/// `(handle, Uint8Array)`: undefined when written, false when full.
unsafe extern "C" fn try_write(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let body = |handle: &mut ProducerHandle, arguments: &Arguments<2>| {
        let payload = payload(env, arguments.values[1]).ok_or_else(not_a_record)?;
        // SAFETY: the bytes stay where they are until JavaScript runs again.
        let written = handle.run(|producer| unsafe { producer.ring().try_write(payload) })?;
        if let Some(hot_path) = &mut handle.hot_path {
            hot_path.go_on(&mut handle.producer, payload.length);
        }
        Ok(Written(written))
    };
    // SAFETY: the whole callback.
    unsafe { with_handle(env, info, |state| &mut state.producers, body) }
}

/// `(handle, string)`: undefined when written, false when full.
unsafe extern "C" fn try_write_string(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: first in the callback.
    let (arguments, state) = unsafe { read::<2>(env, info) };
    let State { producers, text, .. } = &mut *state;
    let written = producers.get(arguments.u32(0)).ok_or_else(closed).and_then(|handle| {
        let most = handle.producer.ring().max_record();
        let payload = text.read(env, arguments.values[1], most).ok_or_else(not_a_record)?;
        // SAFETY: the text stays in its scratch.
        handle.run(|producer| unsafe { producer.ring().try_write(payload) })
    });
    finish(env, state.make_error, written.map(Written))
}

/// `(handle, ...Uint8Arrays)`: how many were written. Arguments and not an array, since reading an
/// element of an array costs 30 ns (NB: bench/run.mjs).
unsafe extern "C" fn try_write_batch(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut few = [ptr::null_mut(); BATCH + 1];
    let mut many = Vec::new();
    let mut count = few.len();
    // SAFETY: first in the callback; the arrays hold as many values as is said.
    let (arguments, state) = unsafe {
        let (this, data) = (ptr::null_mut(), ptr::null_mut());
        sys::napi_get_cb_info(env, info, &mut count, few.as_mut_ptr(), this, data);
        if count > few.len() {
            many.resize(count, ptr::null_mut());
            sys::napi_get_cb_info(env, info, &mut count, many.as_mut_ptr(), this, data);
        }
        read::<1>(env, info)
    };
    let records = if many.is_empty() { &few[1..count.max(1)] } else { &many[1..] };
    write_all(env, state, arguments.u32(0), records.iter().copied())
}

/// `(handle, Uint8Array[])`: the same for more records than a call takes arguments.
unsafe extern "C" fn try_write_many(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let (mut values, mut count, mut length) = ([ptr::null_mut(); 2], 2, 0);
    // SAFETY: the array holds as many values as is said; what is no array has no elements.
    unsafe {
        let (this, data) = (ptr::null_mut(), ptr::null_mut());
        sys::napi_get_cb_info(env, info, &mut count, values.as_mut_ptr(), this, data);
        sys::napi_get_array_length(env, values[1], &mut length);
    }
    // Before the state is borrowed: the array is TypeScript's own, but who has changed what arrays inherit may
    // have code that runs when an element is read.
    let element = |index| {
        let mut record = ptr::null_mut();
        // SAFETY: a value of this call.
        unsafe { sys::napi_get_element(env, values[1], index, &mut record) };
        record
    };
    let records: Vec<_> = (0..length).map(element).collect();
    // SAFETY: first of what uses the state.
    let (arguments, state) = unsafe { read::<1>(env, info) };
    write_all(env, state, arguments.u32(0), records.into_iter())
}

fn write_all(
    env: sys::napi_env,
    state: &mut State,
    handle: u32,
    records: impl Iterator<Item = sys::napi_value>,
) -> sys::napi_value {
    let State { producers, payloads, .. } = &mut *state;
    payloads.clear();
    let written = producers.get(handle).ok_or_else(closed).and_then(|handle| {
        for record in records {
            payloads.push(payload(env, record).ok_or_else(not_a_record)?);
        }
        // SAFETY: the bytes stay where they are until JavaScript runs again.
        handle.run(|producer| unsafe { producer.ring().try_write_batch(payloads) })
    });
    finish(env, state.make_error, written.map(|count| count as i32))
}

/// `(handle, byteLength)`: the payload's offset in `memory`, or -1 when full.
unsafe extern "C" fn try_claim(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe {
        with::<2, _>(env, info, |producer, arguments| {
            let offset = producer.try_claim(arguments.size(1))?;
            Ok(offset.map_or(-1, |offset| offset as i32))
        })
    }
}

/// `(handle, byteLength | undefined)`.
unsafe extern "C" fn commit(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe {
        with::<2, _>(env, info, |producer, arguments| {
            let length = arguments.f64(1);
            // What is undefined reads as NaN.
            producer.ring().commit((!length.is_nan()).then_some(length as usize))
        })
    }
}

/// `(handle)`.
unsafe extern "C" fn abort(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe { with::<1, _>(env, info, |producer, _| producer.ring().abort()) }
}

/// `(handle, byteLength, limitMs, busyMicros)`: whether there is room; blocks for one slice at most. To wait
/// without a limit is refused where only this thread could make room.
unsafe extern "C" fn wait_for_room(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: first in the callback.
    let (arguments, state) = unsafe { read::<4>(env, info) };
    let (limit, busy) = (arguments.duration(2, 1e-3), arguments.duration(3, 1e-6));
    let State { producers, consumers, .. } = &mut *state;
    let room = producers.get(arguments.u32(0)).ok_or_else(closed).and_then(|handle| {
        let length = arguments.size(1);
        if arguments.f64(2).is_infinite() && reads(consumers, handle.producer.segment()) {
            let now = Duration::ZERO;
            let room = handle.run(|producer| producer.wait_for_room(length, now, now))?;
            return if room { Ok(true) } else { Err(only_this_thread()) };
        }
        handle.run(|producer| producer.wait_for_room(length, limit, busy))
    });
    finish(env, state.make_error, room)
}

#[cold]
fn only_this_thread() -> Error {
    Error::new(
        Code::Reentrant,
        "the ring is full and its consumer belongs to this very thread, which could not read while it waits here: \
         read first, wait with `write()` or `waitForRoom()`, or read in another thread or process",
    )
}

/// `(handle)`: where the last record of this producer ends, in bytes.
unsafe extern "C" fn position(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe { with::<1, _>(env, info, |producer, _| Ok(producer.ring().end() as f64)) }
}

/// `(handle, position)`: whether the consumer has released everything up to there.
unsafe extern "C" fn is_released(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe {
        with::<2, _>(env, info, |producer, arguments| producer.ring().is_released(arguments.f64(1) as u64))
    }
}

/// `(handle)`.
unsafe extern "C" fn consumer_alive(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe { with::<1, _>(env, info, |producer, _| producer.consumer_alive()) }
}

/// `(handle)`.
unsafe extern "C" fn sealed(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe { with::<1, _>(env, info, |producer, _| Ok(producer.ring().is_sealed())) }
}

/// `(handle)`: frees the slot, then ends the memory.
unsafe extern "C" fn close(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: first in the callback.
    let (arguments, state) = unsafe { read::<1>(env, info) };
    if let Some(mut handle) = state.producers.remove(arguments.u32(0)) {
        if let Some(hot_path) = &mut handle.hot_path {
            hot_path.settle(&mut handle.producer);
        }
        handle.producer.close();
        if let Some(hot_path) = handle.hot_path {
            hot_path.end(env);
        }
        if let Some(view) = handle.view {
            view.end();
        }
    }
    UNDEFINED
}
