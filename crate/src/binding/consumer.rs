//! What a consumer does per drain, and its waits: raw callbacks whose first argument is a handle.

use std::ptr::{self, NonNull};

use napi::sys;

use super::call::{Answer, Arguments, Function, UNDEFINED, closed, finish, read, span_of_time, with_handle};
use super::memory::View;
use super::state::Table;
use crate::attached::{Consumer, Pace};
use crate::error::Result;
use crate::layout::{Layout, RECORD_ALIGN};
use crate::ring::Peeked;
use crate::segment::Segment;

pub const FUNCTIONS: &[Function] = &[
    (c"consumerMemory", consumer_memory),
    (c"peek", peek),
    (c"advance", advance),
    (c"release", release),
    (c"waitAndPeek", wait_and_peek),
    (c"waitForRecord", wait_for_record),
    (c"consumerPosition", position),
    (c"consumerEnd", end),
    (c"closeConsumer", close),
    (c"retireConsumer", retire),
];

/// Words of the scratch before the first range: four doubles.
const BEFORE_RANGES: usize = 8;

/// A consumer and the scratch through which runs of records reach JavaScript: the position of the
/// first (a double, in units of 8 bytes), how to wait (three more, which JavaScript writes, as an
/// argument of a call costs several times a store: see [`ConsumerHandle::pace`]), then start and end
/// of each payload (32 bits each).
pub struct ConsumerHandle {
    pub consumer: Consumer,
    scratch: NonNull<u32>,
    words: usize,
    /// Keeps the scratch from being collected while native code writes to it.
    kept: sys::napi_ref,
    view: Option<View>,
    closed: bool,
}

impl ConsumerHandle {
    /// A handle that can do nothing until `consumerMemory` has given it its scratch.
    pub fn new(consumer: Consumer) -> Self {
        ConsumerHandle {
            consumer,
            scratch: NonNull::dangling(),
            words: 0,
            kept: ptr::null_mut(),
            view: None,
            closed: false,
        }
    }

    /// What the end of its environment leaves of it.
    pub fn abandon(&mut self) {
        self.consumer.abandon();
        if let Some(view) = &self.view {
            view.retire();
        }
    }

    /// The ranges of the scratch, beside the consumer that fills them.
    #[inline]
    fn split(&mut self) -> Result<(&mut Consumer, &mut [u32])> {
        if self.words <= BEFORE_RANGES {
            return Err(closed());
        }
        // SAFETY: `memory` checked the scratch and keeps it; JavaScript does not run while this is
        // borrowed.
        let ranges = unsafe {
            let first = self.scratch.as_ptr().add(BEFORE_RANGES);
            std::slice::from_raw_parts_mut(first, self.words - BEFORE_RANGES)
        };
        Ok((&mut self.consumer, ranges))
    }

    /// How JavaScript wants to wait: at most so many milliseconds, the first so many microseconds of it
    /// busily, and so many microseconds behind the producer.
    #[inline]
    fn pace(&self) -> Result<Pace> {
        if self.words <= BEFORE_RANGES {
            return Err(closed());
        }
        // SAFETY: the scratch is there, and these three doubles of it lie before the ranges.
        let [limit, busy, lag] =
            unsafe { self.scratch.as_ptr().cast::<f64>().add(1).cast::<[f64; 3]>().read() };
        Ok(Pace {
            limit: span_of_time(limit, 1e-3),
            busy: span_of_time(busy, 1e-6),
            lag: span_of_time(lag, 1e-6),
        })
    }

    /// Tells JavaScript where the run begins, and of how many records it is.
    #[inline]
    fn found(&mut self, peeked: Peeked) -> Result<i32> {
        let position = (peeked.position / RECORD_ALIGN as u64) as f64;
        // SAFETY: the first two words are the double's.
        unsafe { self.scratch.as_ptr().cast::<f64>().write(position) };
        Ok(peeked.count as i32)
    }
}

/// Whether one of these consumers, all of one thread, is the one that reads the segment. Of several attachments
/// to it at most one can be.
pub fn reads(consumers: &mut Table<ConsumerHandle>, segment: &Segment) -> bool {
    let mut open = consumers.open().filter(|handle| !handle.closed);
    open.any(|handle| handle.consumer.segment().inode() == segment.inode())
}

#[inline]
unsafe fn with<const N: usize, A: Answer>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&mut ConsumerHandle, &Arguments<N>) -> Result<A>,
) -> sys::napi_value {
    // SAFETY: the caller is such a callback.
    unsafe {
        with_handle(
            env,
            info,
            |state| &mut state.consumers,
            |handle: &mut ConsumerHandle, arguments: &Arguments<N>| {
                if handle.closed { Err(closed()) } else { body(handle, arguments) }
            },
        )
    }
}

/// `(handle, scratch: ArrayBuffer)`: the handle's memory. To be called once, first.
unsafe extern "C" fn consumer_memory(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: first in the callback.
    let (arguments, state) = unsafe { read::<2>(env, info) };
    let Some(handle) = state.consumers.get(arguments.u32(0)) else { return UNDEFINED };
    let (mut data, mut bytes) = (ptr::null_mut(), 0);
    // SAFETY: a value of the running call. What an ArrayBuffer holds does not move, and the
    // reference keeps it.
    unsafe {
        sys::napi_get_arraybuffer_info(env, arguments.values[1], &mut data, &mut bytes);
        sys::napi_create_reference(env, arguments.values[1], 1, &mut handle.kept);
    }
    if let Some(scratch) = NonNull::new(data.cast::<u32>()) {
        (handle.scratch, handle.words) = (scratch, bytes / size_of::<u32>());
    }
    let (mapping, segment) = (handle.consumer.mapping(), handle.consumer.segment());
    let Layout { data, capacity, .. } = *segment.layout();
    let memory = View::export(env, mapping, data, capacity).map(|(view, buffer)| {
        handle.view = Some(view);
        buffer
    });
    if memory.is_err() {
        // Nobody will get the handle: it gives its slot back.
        state.consumers.remove(arguments.u32(0));
    }
    finish(env, state.make_error, memory)
}

/// `(handle, limit, fresh)`: how many records the scratch tells of.
unsafe extern "C" fn peek(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe {
        with::<3, _>(env, info, |handle, arguments| {
            let (consumer, ranges) = handle.split()?;
            let peeked = consumer.peek(ranges, arguments.size(1), arguments.bool(2))?;
            handle.found(peeked)
        })
    }
}

/// `(handle, count, limit)`: releases the first `count` records of the last run and looks at what
/// was known behind them: how many records the scratch tells of.
unsafe extern "C" fn advance(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe {
        with::<3, _>(env, info, |handle, arguments| {
            let (consumer, ranges) = handle.split()?;
            consumer.ring().release(ranges, arguments.size(1))?;
            let peeked = consumer.peek_known(ranges, arguments.size(2))?;
            handle.found(peeked)
        })
    }
}

/// `(handle, count)`: releases the last run up to its `count`th record.
unsafe extern "C" fn release(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe {
        with::<2, _>(env, info, |handle, arguments| {
            let (consumer, ranges) = handle.split()?;
            consumer.ring().release(ranges, arguments.size(1))
        })
    }
}

/// `(handle, limit)`: as `peek`; waits as the scratch says, for one slice at most.
unsafe extern "C" fn wait_and_peek(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe {
        with::<2, _>(env, info, |handle, arguments| {
            let pace = handle.pace()?;
            let (consumer, ranges) = handle.split()?;
            let peeked = consumer.wait_and_peek(ranges, arguments.size(1), pace)?;
            handle.found(peeked)
        })
    }
}

/// `(handle, limitMs, busyMicros)`: whether a record is there; blocks for one slice at most.
unsafe extern "C" fn wait_for_record(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe {
        with::<3, _>(env, info, |handle, arguments| {
            handle.consumer.wait(arguments.duration(1, 1e-3), arguments.duration(2, 1e-6))
        })
    }
}

/// `(handle)`: position of the next record, in units of 8 bytes.
unsafe extern "C" fn position(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe {
        with::<1, _>(env, info, |handle, _| {
            Ok((handle.consumer.ring().position()? / RECORD_ALIGN as u64) as f64)
        })
    }
}

/// `(handle)`: why the stream is over, or undefined while it is not.
unsafe extern "C" fn end(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe { with::<1, _>(env, info, |handle, _| Ok(handle.consumer.end()?.map(|end| end.name()))) }
}

/// `(handle)`: frees the slot. The memory stays until `retireConsumer`.
unsafe extern "C" fn close(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: first in the callback.
    let (arguments, state) = unsafe { read::<1>(env, info) };
    if let Some(handle) = state.consumers.get(arguments.u32(0)) {
        handle.closed = true;
        handle.consumer.close();
    }
    UNDEFINED
}

/// `(handle)`: ends the memory of a closed handle, and with it the handle's number.
unsafe extern "C" fn retire(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: first in the callback.
    let (arguments, state) = unsafe { read::<1>(env, info) };
    if let Some(mut handle) = state.consumers.remove(arguments.u32(0)) {
        handle.consumer.close();
        // SAFETY: the reference was made with the handle and ends with it.
        unsafe { sys::napi_delete_reference(env, handle.kept) };
        if let Some(view) = handle.view {
            view.end();
        }
    }
    UNDEFINED
}
