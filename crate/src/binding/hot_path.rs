//! What `ts/hot-path.ts` needs to write records by itself: words that both know, and leases.

use std::ptr::{self, NonNull};

use napi::sys;
use napi_derive::napi;

use super::call::{UNDEFINED, read};
use super::memory::View;
use crate::attached::Producer;
use crate::emulation;
use crate::layout::{CONSUMER_SLOT, Kind, Layout, MIN_CAPACITY_SPSC, control, slot};
use crate::record::{CHECK_LENGTH, CHECK_POSITION, check_of_high, span};
use crate::ring::spsc::{Lease, PRODUCER_SLOT};

/// Words of the memory that the addon and `ts/hot-path.ts` share, each of 32 bits. Places in the segment
/// are counted in units of 4 bytes.
#[repr(usize)]
#[derive(Clone, Copy)]
enum Word {
    // What changes with every record.
    /// Bytes of the lease that are used; [`REVOKED`] when there is none, and until JavaScript has taken
    /// notice of a new one.
    Used,
    /// Records written into it.
    Records,
    // What changes with every lease.
    /// Its number.
    Lease,
    /// Its bytes.
    Bytes,
    /// Where it starts in the segment, in bytes.
    Start,
    /// Lower half of the position there.
    Position,
    /// What the upper half adds to a check.
    CheckOfHigh,
    /// Lower half of the count of records before it.
    Written,
    /// Place of the ledger's entry for its first record; the two take turns.
    FirstEntry,
    /// After so many bytes the addon writes a record, and asks for the lines to come.
    Step,
    Count,
}

/// Records that take more are left to the addon: the copy alone takes most of the time. NB: bench/run.mjs.
const LARGEST: u64 = 2 << 10;
/// A lease is worth its while for so many records of the size that was written last.
const RECORDS: u64 = 16;
/// The most bytes of a lease.
const MOST: u64 = 1 << 29;
/// More than any lease has bytes, and no more than a JavaScript engine adds without an overflow.
const REVOKED: u32 = 1 << 30;

/// The words: memory of JavaScript's.
#[derive(Clone, Copy)]
struct Words(NonNull<u32>);

impl Words {
    #[inline]
    fn get(self, word: Word) -> u32 {
        // SAFETY: `hot_path` saw that there are enough words, and keeps them; JavaScript, which alone
        // touches them besides, does not run.
        unsafe { self.0.add(word as usize).read() }
    }

    #[inline]
    fn set(self, word: Word, value: u32) {
        // SAFETY: as above.
        unsafe { self.0.add(word as usize).write(value) }
    }
}

pub struct HotPath {
    words: Words,
    /// Keeps those words from being collected.
    kept: sys::napi_ref,
    view: View,
    lease: Option<Lease>,
    leases: u32,
}

impl HotPath {
    /// Takes over what JavaScript has written. First in everything that a producer does.
    #[inline]
    pub fn settle(&mut self, producer: &mut Producer) {
        let (Some(lease), Some(producer)) = (&self.lease, producer.ring().spsc()) else { return };
        match (self.words.get(Word::Used), self.words.get(Word::Records)) {
            // JavaScript was stopped before it took notice of the lease.
            (REVOKED, _) => self.lease = None,
            (used, records) => producer.settle(lease, used.into(), records.into()),
        }
    }

    /// Gives JavaScript what is left of the lease. Last in everything that a producer does.
    #[inline]
    pub fn resume(&mut self, producer: &mut Producer) {
        let (Some(lease), Some(producer)) = (&self.lease, producer.ring().spsc()) else { return };
        if let Some((used, records)) = producer.resume(lease) {
            self.words.set(Word::Used, used as u32);
            self.words.set(Word::Records, records as u32);
        } else {
            self.lease = None;
            self.words.set(Word::Used, REVOKED);
        }
    }

    /// Goes on after a record of `length` bytes that the addon has written: in a new lease, if the one
    /// before is at its end.
    #[inline]
    pub fn go_on(&mut self, producer: &mut Producer, length: usize) {
        let layout = *producer.segment().layout();
        let Some(producer) = producer.ring().spsc() else { return };
        if let Some(lease) = &self.lease {
            producer.expect_lent(lease);
            return;
        }
        let record = span(length) as u64;
        if record > LARGEST {
            return;
        }
        let Some(lease) = producer.lend(record, RECORDS * record, MOST) else { return };
        let start = layout.data + (lease.start as usize & (layout.capacity - 1));
        self.leases = self.leases.wrapping_add(1);
        for (word, value) in [
            (Word::Records, 0),
            (Word::FirstEntry, place(lease.entry)),
            (Word::Step, lease.step as u32),
            (Word::Bytes, lease.bytes as u32),
            (Word::Lease, self.leases),
            (Word::Start, start as u32),
            (Word::Position, lease.start as u32),
            (Word::CheckOfHigh, check_of_high(lease.start)),
            (Word::Written, lease.written as u32),
        ] {
            self.words.set(word, value);
        }
        self.lease = Some(lease);
    }

    pub fn end(self, env: sys::napi_env) {
        // SAFETY: the reference was made with this and ends with it.
        unsafe { sys::napi_delete_reference(env, self.kept) };
        self.view.end();
    }

    /// What the end of its environment leaves of it.
    pub fn retire(&self) {
        self.view.retire();
    }
}

const fn place(offset: usize) -> u32 {
    (offset / 4) as u32
}

/// Where the words lie that JavaScript reads and writes, in units of 4 bytes, and the factors of a
/// check: the same in every `spsc` segment.
#[napi]
pub fn hot_path_places() -> Vec<i32> {
    let layout = Layout::new(Kind::Spsc, MIN_CAPACITY_SPSC).expect("the least capacity is one");
    let producer = layout.slot(PRODUCER_SLOT);
    let ledger = place(producer + slot::LEDGER);
    [
        place(layout.control + control::TAIL),
        place(layout.control + control::SEALED),
        place(layout.control + control::FULL_FENCES),
        place(layout.slot(CONSUMER_SLOT) + slot::SLEEP),
        place(producer + slot::WRITING),
        ledger,
        ledger + place(slot::LEDGER_ENTRY_BYTES),
        CHECK_LENGTH,
        CHECK_POSITION,
    ]
    .map(u32::cast_signed)
    .to_vec()
}

/// `(handle, words: ArrayBuffer)`: the whole segment as a Buffer, and how to write to it in `words`;
/// undefined where JavaScript does not write. To be called once, after `producerMemory`.
pub unsafe extern "C" fn hot_path(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: first in the callback.
    let (arguments, state) = unsafe { read::<2>(env, info) };
    let Some(handle) = state.producers.get(arguments.u32(0)) else { return UNDEFINED };
    // Plain stores of JavaScript become visible in their order on x86 alone: docs/memory-model.md.
    // An emulator on another processor may not keep it.
    let ordered = cfg!(target_arch = "x86_64") && emulation::found().is_none();
    if !ordered || handle.producer.ring().spsc().is_none() {
        return UNDEFINED;
    }
    let (mut data, mut bytes, mut kept) = (ptr::null_mut(), 0, ptr::null_mut());
    // SAFETY: a value of the running call. What an ArrayBuffer holds does not move, and the reference
    // keeps it.
    unsafe {
        sys::napi_get_arraybuffer_info(env, arguments.values[1], &mut data, &mut bytes);
        sys::napi_create_reference(env, arguments.values[1], 1, &mut kept);
    }
    let Some(words) = NonNull::new(data.cast::<u32>()).filter(|_| bytes >= 4 * Word::Count as usize) else {
        return UNDEFINED;
    };
    let size = handle.producer.segment().layout().size;
    let Ok((view, segment)) = View::export(env, handle.producer.mapping(), 0, size) else {
        // SAFETY: made above. The addon does it all then.
        unsafe { sys::napi_delete_reference(env, kept) };
        return UNDEFINED;
    };
    let words = Words(words);
    words.set(Word::Used, REVOKED);
    handle.hot_path = Some(HotPath { words, kept, view, lease: None, leases: 0 });
    segment
}

/// `(handle)`: wakes a consumer that sleeps, after JavaScript has published.
pub unsafe extern "C" fn tell(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: the whole callback.
    unsafe {
        super::producer::with::<1, _>(env, info, |producer, _| {
            if let Some(producer) = producer.ring().spsc() {
                producer.tell();
            }
            Ok(())
        })
    }
}
