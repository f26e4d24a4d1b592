//! Every field of a segment before its data, by name: for the notes of a golden segment, and for what
//! is no field.

use shmring::layout::{Kind, Layout, control, header, slot};

pub struct Field {
    pub at: usize,
    pub bytes: usize,
    pub name: String,
    /// Another one in every ring or in every process, or free to be one of several.
    pub varies: bool,
}

/// The header's fields, from the start of the segment.
pub fn of_header() -> Vec<Field> {
    let fixed = [
        (header::MAGIC, 8, "magic"),
        (header::VERSION, 4, "layout version"),
        (header::BYTE_ORDER, 4, "byte order"),
        (header::KIND, 4, "kind"),
        (header::MODE, 4, "mode"),
        (header::LIFETIME, 4, "lifetime"),
        (header::SLOT_COUNT, 4, "slot count"),
        (header::CAPACITY, 8, "capacity"),
        (header::SIZE, 8, "size of the file"),
        (header::CONTROL, 8, "offset of the control words"),
        (header::SLOTS, 8, "offset of slot 0"),
        (header::DATA, 8, "offset of the data"),
        (header::FEATURES, 8, "feature bits"),
        (header::CHAIN, 8, "offset of the chain"),
    ];
    let varying = [
        (header::ID, 16, "id"),
        (header::CREATED, 8, "created"),
        (header::CHECKSUM, 8, "checksum of what is before it"),
    ];
    named(0, "", &fixed, &varying)
}

/// The control words and the slots' words.
pub fn of_words(layout: &Layout) -> Vec<Field> {
    let mut fixed = vec![
        (control::HEAD, 8, "head"),
        (control::SEALED, 4, "sealed"),
        (control::CLOSED_LAST, 4, "closed last"),
    ];
    let mut varying = vec![(control::FULL_FENCES, 4, "full fences")];
    match layout.kind {
        Kind::Spsc => fixed.push((control::TAIL, 8, "tail")),
        Kind::Mpsc => {
            // It follows the end of the chain as far behind as producers like.
            varying.push((control::TAIL, 8, "tail"));
            fixed.push((control::WAITERS, 8 * control::WAITER_WORDS, "waiters"));
        }
    }
    let mut fields = named(layout.control, "", &fixed, &varying);
    for index in 0..layout.slot_count {
        fields.extend(of_slot(layout, index));
    }
    fields
}

fn of_slot(layout: &Layout, index: u32) -> Vec<Field> {
    let second = slot::LEDGER + slot::LEDGER_ENTRY_BYTES;
    let mut fixed = vec![
        (slot::STATE, 8, "state"),
        (slot::LABEL_LENGTH, 4, "bytes of label"),
        (slot::BASE_COUNT, 8, "ledger's records when it was taken"),
        (slot::LABEL, slot::LABEL_BYTES, "label"),
        (slot::SLEEP, 4, "sleep"),
        (slot::EPOCH, 4, "epoch"),
        (slot::WANTED, 8, "wanted"),
        (slot::LEDGER, 8, "ledger, first entry: stamp"),
        (slot::LEDGER + 8, 8, "ledger, first entry: records"),
        (slot::LEDGER + 16, 8, "ledger, first entry: abandoned"),
        (second, 8, "ledger, second entry: stamp"),
        (second + 8, 8, "ledger, second entry: records"),
        (second + 16, 8, "ledger, second entry: abandoned"),
        (slot::WRITING, 4, "writing"),
        (slot::FULL, 8, "full"),
        (slot::ABORTED, 8, "aborted"),
        (slot::CLAIM_POSITION, 8, "claim: position"),
        (slot::CLAIM_BYTES, 8, "claim: bytes + 1"),
    ];
    if layout.kind == Kind::Mpsc {
        fixed.extend([(slot::FLOOR, 8, "floor"), (slot::VOID, 8, "void")]);
    }
    let varying = [
        (slot::PID, 4, "pid"),
        (slot::STARTED, 8, "start time of the process"),
        (slot::SINCE, 8, "taken at"),
        (slot::BOOT, 8, "taken at, since boot"),
        (slot::BOOT_STATE, 8, "state that the times since boot are of"),
        (slot::BOOT_CLOCK, 8, "clock of the times since boot"),
        (slot::CLAIM_SINCE, 8, "claim: since"),
        (slot::CLAIM_BOOT, 8, "claim: since, since boot"),
    ];
    named(layout.slot(index), &format!("slot {index}: "), &fixed, &varying)
}

type Named<'a> = (usize, usize, &'a str);

/// In the order of their offsets.
fn named(start: usize, before: &str, fixed: &[Named], varying: &[Named]) -> Vec<Field> {
    let field = |&(at, bytes, name): &Named, varies| {
        let name = format!("{before}{name}");
        Field { at: start + at, bytes, name, varies }
    };
    let fixed = fixed.iter().map(|one| field(one, false));
    let mut fields: Vec<Field> = fixed.chain(varying.iter().map(|one| field(one, true))).collect();
    fields.sort_by_key(|field| field.at);
    fields
}
