//! Headers that cannot be true, in the file of a ring with records in it. Each wrong field stands
//! under a right checksum, so that it is the field's own check that refuses it, at every call that
//! reads headers. Those who are attached have read the header before and go on.

mod segment_support;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use segment_support::Place;
use shmring::attached::{Consumer, EndWhen, Producer, Ring};
use shmring::error::{Code, Error};
use shmring::layout::{BYTE_ORDER, MAX_CAPACITY, PAGE, VERSION, header};
use shmring::lock::Liveness;
use shmring::ring::spsc::Payload;
use shmring::segment::{Access, OpenOptions, Segment, list};

const NAME: &str = "x";
const RECORDS: u32 = 20;

/// A ring with records in it, whose two ends are attached, and its file.
struct Used {
    place: Place,
    file: File,
    producer: Producer,
    consumer: Consumer,
    written: u32,
    read: u32,
}

impl Used {
    fn new() -> Used {
        let place = Place::new();
        let segment = Arc::new(Segment::create(NAME, &place.small()).unwrap());
        let file = File::options().read(true).write(true).open(place.file(NAME)).unwrap();
        let producer = Producer::attach(&segment, "").unwrap();
        let consumer = Consumer::attach(&segment, "", EndWhen::Sealed).unwrap();
        let mut used = Used { place, file, producer, consumer, written: 0, read: 0 };
        (0..RECORDS).for_each(|_| used.write());
        used
    }

    fn page(&self) -> [u8; PAGE] {
        let mut page = [0; PAGE];
        self.file.read_exact_at(&mut page, 0).unwrap();
        page
    }

    fn put(&self, at: usize, bytes: &[u8]) {
        self.file.write_all_at(bytes, at as u64).unwrap();
    }

    fn write(&mut self) {
        let payload = self.written.to_ne_bytes();
        // SAFETY: the payload outlives the call.
        assert!(unsafe { self.producer.ring().try_write(Payload::of(&payload)) }.unwrap());
        self.written += 1;
    }

    /// Those who are attached write and read one record more, the oldest.
    fn go_on(&mut self) {
        self.write();
        let mut ranges = [0; 2];
        assert_eq!(self.consumer.ring().peek(&mut ranges, 1, true).unwrap().count, 1);
        let mut payload = [0; 4];
        let data = self.consumer.segment().layout().data as u64;
        self.file.read_exact_at(&mut payload, data + u64::from(ranges[0])).unwrap();
        assert_eq!(u32::from_ne_bytes(payload), self.read);
        self.consumer.ring().release(&ranges, 1).unwrap();
        self.read += 1;
    }

    /// Every call that reads a header says that this one is wrong. One error of them all.
    fn refused(&self) -> Error {
        let place = &self.place;
        let inspect = OpenOptions { access: Access::Inspect, ..place.here() };
        let errors = [
            place.open(NAME).expect_err("open"),
            Segment::open(NAME, &inspect).expect_err("inspect"),
            Segment::open_or_create(NAME, &place.small()).expect_err("open or create"),
        ];
        let listed = list(Some(&place.0)).unwrap().remove(0).error.expect("the list tells");
        for error in &errors {
            assert_eq!(error, &errors[0]);
            assert!(error.message.contains(place.file(NAME).to_str().unwrap()), "{error}");
            assert!(error.message.contains("unlink it"), "what to do: {error}");
            assert_eq!(listed, error.to_string());
        }
        assert_eq!(Segment::create(NAME, &place.small()).unwrap_err().code, Code::Exists);
        errors.into_iter().next().unwrap()
    }
}

/// FNV-1a, as docs/format.md has it.
fn checksum(page: &[u8]) -> [u8; 8] {
    let fold = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    page[..header::CHECKSUM].iter().fold(0xcbf2_9ce4_8422_2325, fold).to_ne_bytes()
}

/// Fields with the values that they cannot have, whatever the checksum says.
fn wrong_fields() -> Vec<(&'static str, usize, Vec<u8>)> {
    let mut fields = vec![
        ("another magic", header::MAGIC, b"shmrinG\0".to_vec()),
        ("no magic", header::MAGIC, vec![0; 8]),
        ("no byte order", header::BYTE_ORDER, vec![0; 4]),
    ];
    let mut narrow = |what, at, values: &[u32]| {
        fields.extend(values.iter().map(|value| (what, at, value.to_ne_bytes().to_vec())));
    };
    narrow("kind", header::KIND, &[0, 2, 3, u32::MAX]);
    narrow("lifetime", header::LIFETIME, &[0, 3, u32::MAX]);
    narrow("mode", header::MODE, &[0, 0o666, 0o640, 0o777, 0o4600, u32::MAX]);
    narrow("slot count", header::SLOT_COUNT, &[0, 1, 3, 255, 1 << 31, u32::MAX]);
    let mut wide = |what, at, values: &[u64]| {
        fields.extend(values.iter().map(|value| (what, at, value.to_ne_bytes().to_vec())));
    };
    let capacities = [0, 1, 2048, 4095, 4097, 6144, 8192, MAX_CAPACITY, 2 * MAX_CAPACITY, 1 << 62, u64::MAX];
    wide("capacity", header::CAPACITY, &capacities);
    wide("size", header::SIZE, &[0, 4096, 12287, 12289, 16384, 1 << 62, u64::MAX]);
    // In the header, in each other, unaligned, beyond the end.
    wide("control", header::CONTROL, &[0, 8, 4095, 4097, 5120, 8192, 12288, 1 << 62, u64::MAX]);
    wide("slots", header::SLOTS, &[0, 4096, 5119, 5121, 8192, 12288, 1 << 62, u64::MAX]);
    wide("data", header::DATA, &[0, 4096, 5120, 8191, 8193, 12288, 1 << 62, u64::MAX]);
    fields
}

#[test]
fn every_field_that_cannot_be_true_is_refused_under_a_right_checksum() {
    let mut used = Used::new();
    let right = used.page();
    for (what, at, bytes) in wrong_fields() {
        let mut page = right;
        page[at..at + bytes.len()].copy_from_slice(&bytes);
        let sum = checksum(&page);
        page[header::CHECKSUM..header::BYTES].copy_from_slice(&sum);
        used.put(0, &page);
        let error = used.refused();
        assert_eq!(error.code, Code::Corrupt, "{what} {bytes:?}: {error}");
        for name in ["offset", "expected", "found"] {
            assert!(error.details.iter().any(|(detail, _)| *detail == name), "{name} of {what}: {error:?}");
        }
        assert_eq!(used.page(), page, "nothing was changed");
        used.go_on();
    }
    used.put(0, &right);
    used.place.open(NAME).unwrap();
}

#[test]
fn another_version_byte_order_or_feature_is_refused_under_a_right_checksum() {
    let mut used = Used::new();
    let right = used.page();
    let versions = [0, VERSION + 1, u32::MAX].map(|version| version.to_ne_bytes().to_vec());
    let orders = [BYTE_ORDER.swap_bytes().to_ne_bytes().to_vec()];
    // No feature is known: each bit, and all of them.
    let features = (0..64).map(|bit| 1_u64 << bit).chain([u64::MAX]);
    let features = features.map(|features| features.to_ne_bytes().to_vec());
    let fields = versions.into_iter().map(|bytes| (header::VERSION, bytes));
    let fields = fields.chain(orders.into_iter().map(|bytes| (header::BYTE_ORDER, bytes)));
    for (at, bytes) in fields.chain(features.map(|bytes| (header::FEATURES, bytes))) {
        let mut page = right;
        page[at..at + bytes.len()].copy_from_slice(&bytes);
        let sum = checksum(&page);
        page[header::CHECKSUM..header::BYTES].copy_from_slice(&sum);
        used.put(0, &page);
        assert_eq!(used.refused().code, Code::Version);
        used.go_on();
    }
}

#[test]
fn who_uses_more_of_the_header_is_refused_for_the_feature_bit_that_says_so() {
    // Bytes that mean nothing to this version are no damage then: it is another build's segment.
    let used = Used::new();
    let mut page = used.page();
    page[header::FEATURES] = 1;
    page[header::BYTES..].fill(0xff);
    let sum = checksum(&page);
    page[header::CHECKSUM..header::BYTES].copy_from_slice(&sum);
    used.put(0, &page);
    let error = used.refused();
    assert_eq!(error.code, Code::Version);
    assert!(error.message.contains("uses features 0x1"), "{error}");
}

#[test]
fn every_single_bit_flip_of_the_header_is_refused_and_those_attached_go_on() {
    let mut used = Used::new();
    let right = used.page();
    for bit in 0..header::BYTES * 8 {
        let at = bit / 8;
        used.put(at, &[right[at] ^ 1 << (bit % 8)]);
        let version = (header::VERSION..header::VERSION + 4).contains(&at);
        let expected = if version { Code::Version } else { Code::Corrupt };
        let error = used.refused();
        assert_eq!(error.code, expected, "bit {bit}: {error}");
        used.go_on();
        used.put(at, &[right[at]]);
    }
    // The rest of the page means nothing and is zero.
    for bit in header::BYTES * 8..PAGE * 8 {
        let at = bit / 8;
        used.put(at, &[1 << (bit % 8)]);
        assert_eq!(used.place.open(NAME).expect_err("not zero").code, Code::Corrupt, "bit {bit}");
        used.put(at, &[0]);
    }
    let ring = Ring::attach(used.place.open(NAME).unwrap()).unwrap();
    let stats = ring.stats().unwrap();
    assert_eq!((stats.written, stats.read), (u64::from(used.written), u64::from(used.read)));
    assert_eq!(
        ring.inspect_next(&mut ring.inspect().unwrap()).unwrap().bytes,
        Some(used.read.to_ne_bytes().to_vec())
    );
}

#[test]
fn the_lock_bytes_in_the_header_may_hold_anything_to_those_attached() {
    // The locks of removal and attachment lie on bytes of the header: what stands there is no matter.
    let mut used = Used::new();
    used.put(0, &[0xff; PAGE]);
    used.go_on();
    let segment = used.producer.segment().clone();
    assert_eq!(segment.probe(segment.layout().slot(1)).unwrap(), Liveness::Alive);
    assert!(!segment.is_stale());
    assert!(segment.unlink().unwrap());
    used.go_on();
}
