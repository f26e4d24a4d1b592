//! The header page: written once before a segment has a name, checked whole before anything in it
//! is believed, never looked at again.

use std::path::Path;

use crate::error::{Code, Detail, Error, Result};
use crate::layout::{BYTE_ORDER, Kind, Layout, Lifetime, MAGIC, PAGE, VERSION, header};

/// Feature bits that this build understands.
const FEATURES: u64 = 0;

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub layout: Layout,
    pub mode: u32,
    pub lifetime: Lifetime,
    pub id: [u8; 16],
    /// Milliseconds since 1970.
    pub created: u64,
}

type Page = [u8; PAGE];

impl Header {
    pub fn encode(&self) -> Page {
        let mut page = [0; PAGE];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        let layout = &self.layout;
        // The magic is text; every other number is of this machine's byte order.
        put(header::MAGIC, &MAGIC.to_le_bytes());
        put(header::VERSION, &VERSION.to_ne_bytes());
        put(header::BYTE_ORDER, &BYTE_ORDER.to_ne_bytes());
        put(header::KIND, &(layout.kind as u32).to_ne_bytes());
        put(header::MODE, &self.mode.to_ne_bytes());
        put(header::LIFETIME, &(self.lifetime as u32).to_ne_bytes());
        put(header::SLOT_COUNT, &layout.slot_count.to_ne_bytes());
        put(header::FEATURES, &FEATURES.to_ne_bytes());
        for (at, value) in sizes(layout) {
            put(at, &(value as u64).to_ne_bytes());
        }
        put(header::ID, &self.id);
        put(header::CREATED, &self.created.to_ne_bytes());
        let sum = checksum(&page);
        page[header::CHECKSUM..header::BYTES].copy_from_slice(&sum.to_ne_bytes());
        page
    }

    /// Reads a header. `bytes` is the start of the file, less than a page of it when that is all.
    pub fn decode(bytes: &[u8]) -> Result<Header> {
        let Ok(page) = <&Page>::try_from(bytes) else {
            return Err(unusable("it has fewer bytes than a header", header::MAGIC, PAGE, bytes.len()));
        };
        // First what tells whether the rest means anything, then what tells whether it is whole.
        let magic = page[header::MAGIC..][..8].as_ref();
        if magic != MAGIC.to_le_bytes() {
            return Err(unusable(
                "it does not begin as a segment does",
                header::MAGIC,
                MAGIC,
                u64::from_le_bytes(word(page, header::MAGIC)),
            ));
        }
        let order = number32(page, header::BYTE_ORDER);
        if order != BYTE_ORDER {
            return Err(if order == BYTE_ORDER.swap_bytes() {
                other_build("was made on a machine of the other byte order".to_owned())
            } else {
                unusable("byte order", header::BYTE_ORDER, BYTE_ORDER, order)
            });
        }
        let version = number32(page, header::VERSION);
        if version != VERSION {
            return Err(other_build(format!(
                "has layout version {version}, this build of shmring has version {VERSION}"
            ))
            .with("expected", VERSION)
            .with("found", version));
        }
        let (stored, sum) = (number64(page, header::CHECKSUM), checksum(page));
        if stored != sum {
            return Err(unusable("header checksum", header::CHECKSUM, sum, stored));
        }
        let features = number64(page, header::FEATURES);
        if features & !FEATURES != 0 {
            return Err(other_build(format!(
                "uses features {features:#x}, of which this build of shmring knows {FEATURES:#x}"
            )));
        }
        if let Some(at) = (header::BYTES..PAGE).find(|&at| page[at] != 0) {
            return Err(unusable("unused header byte", at, 0u64, u64::from(page[at])));
        }
        Header::fields(page)
    }

    /// The fields of a page whose checksum is right. Each is checked all the same: a checksum is no
    /// defence against whoever can compute one.
    fn fields(page: &Page) -> Result<Header> {
        let kind = number32(page, header::KIND);
        let kind =
            Kind::from_number(kind).ok_or_else(|| unusable("ring kind", header::KIND, "1 or 2", kind))?;
        let capacity = number64(page, header::CAPACITY);
        let layout = Layout::new(kind, capacity).ok_or_else(|| {
            let range = "a power of two within the bounds of the kind";
            unusable("capacity", header::CAPACITY, range, capacity)
        })?;
        let slots = number32(page, header::SLOT_COUNT);
        if slots != layout.slot_count {
            let expected = layout.slot_count;
            return Err(unusable("slot count", header::SLOT_COUNT, expected, slots));
        }
        for (at, expected) in sizes(&layout) {
            let found = number64(page, at);
            if found != expected as u64 {
                return Err(unusable("size or offset", at, expected, found));
            }
        }
        let mode = number32(page, header::MODE);
        if mode != 0o600 && mode != 0o660 {
            return Err(unusable("mode", header::MODE, "0600 or 0660", mode));
        }
        let lifetime = number32(page, header::LIFETIME);
        let lifetime = Lifetime::from_number(lifetime)
            .ok_or_else(|| unusable("lifetime", header::LIFETIME, "1 or 2", lifetime))?;
        Ok(Header {
            layout,
            mode,
            lifetime,
            id: word(page, header::ID),
            created: number64(page, header::CREATED),
        })
    }
}

/// The fields that follow from kind and capacity.
fn sizes(layout: &Layout) -> [(usize, usize); 6] {
    [
        (header::CAPACITY, layout.capacity),
        (header::SIZE, layout.size),
        (header::CONTROL, layout.control),
        (header::SLOTS, layout.slots),
        (header::DATA, layout.data),
        (header::CHAIN, layout.chain),
    ]
}

/// FNV-1a, 64 bits: finds accidents. Nothing here defends against a peer of the same user.
fn checksum(page: &Page) -> u64 {
    let fold = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    page[..header::CHECKSUM].iter().fold(0xcbf2_9ce4_8422_2325, fold)
}

fn word<const N: usize>(page: &Page, at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&page[at..at + N]);
    bytes
}

fn number32(page: &Page, at: usize) -> u32 {
    u32::from_ne_bytes(word(page, at))
}

fn number64(page: &Page, at: usize) -> u64 {
    u64::from_ne_bytes(word(page, at))
}

/// What is under the name cannot be used. [`about`] says which file it is.
pub(super) fn unusable(
    what: &str,
    at: usize,
    expected: impl Into<Detail>,
    found: impl Into<Detail>,
) -> Error {
    let (expected, found) = (expected.into(), found.into());
    Error::new(
        Code::Corrupt,
        format!(
            "{what}: expected {expected} at offset {at}, found {found}; unlink it and create the ring anew"
        ),
    )
    .with("offset", at)
    .with("expected", expected)
    .with("found", found)
}

fn other_build(how: String) -> Error {
    Error::new(
        Code::Version,
        format!("it {how}; unlink it and create the ring anew, or use the same version"),
    )
}

/// The same error, in a sentence that names the file.
pub(super) fn about(path: &Path, error: Error) -> Error {
    Error {
        message: format!("{} is no segment for this process: {}", path.display(), error.message),
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::MAX_CAPACITY;

    fn header() -> Header {
        Header {
            layout: Layout::new(Kind::Spsc, 8192).unwrap(),
            mode: 0o600,
            lifetime: Lifetime::Attached,
            id: *b"0123456789abcdef",
            created: 1_700_000_000_000,
        }
    }

    /// The page with a field changed and the checksum made right again.
    fn forged(at: usize, bytes: &[u8]) -> Page {
        let mut page = header().encode();
        page[at..at + bytes.len()].copy_from_slice(bytes);
        let sum = checksum(&page);
        page[header::CHECKSUM..header::BYTES].copy_from_slice(&sum.to_ne_bytes());
        page
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        assert_eq!(Header::decode(&header().encode()).unwrap(), header());
    }

    #[test]
    fn a_wrong_field_is_corrupt_even_under_a_right_checksum() {
        let wide = |value: u64| value.to_ne_bytes().to_vec();
        let narrow = |value: u32| value.to_ne_bytes().to_vec();
        let layout = header().layout;
        let mut cases =
            vec![(header::MAGIC, b"shmrong\0".to_vec()), (header::BYTE_ORDER, narrow(0x0102_0305))];
        for value in [0, 3, u32::MAX] {
            cases.extend([(header::KIND, narrow(value)), (header::LIFETIME, narrow(value))]);
        }
        for value in [0, 1, 3, 255, u32::MAX] {
            cases.push((header::SLOT_COUNT, narrow(value)));
        }
        for value in [0, 0o666, 0o640, 0o777, 0o100_600, u32::MAX] {
            cases.push((header::MODE, narrow(value)));
        }
        // Zero, no power of two, too large, another than the file's, and past every end.
        for value in [0, 1, 2048, 4096, 8191, 12288, 16384, MAX_CAPACITY * 2, 1 << 62, 1 << 63, u64::MAX] {
            cases.push((header::CAPACITY, wide(value)));
        }
        for (at, right) in sizes(&layout).into_iter().skip(1) {
            // Overlapping, unaligned, beyond the end.
            for value in [0, right as u64 - 1, right as u64 + 1, right as u64 + 4096, 1 << 62, u64::MAX] {
                cases.push((at, wide(value)));
            }
        }
        for (at, bytes) in cases {
            let error = Header::decode(&forged(at, &bytes)).expect_err("a wrong field");
            assert_eq!(error.code, Code::Corrupt, "field at {at}: {bytes:?}: {error}");
        }
        let mut page = header().encode();
        page[PAGE - 1] = 1;
        assert_eq!(Header::decode(&page).unwrap_err().code, Code::Corrupt);
    }

    #[test]
    fn another_version_byte_order_or_feature_is_a_matter_of_version() {
        for page in [
            forged(header::VERSION, &(VERSION + 1).to_ne_bytes()),
            forged(header::BYTE_ORDER, &BYTE_ORDER.swap_bytes().to_ne_bytes()),
            forged(header::FEATURES, &(1_u64 << 63).to_ne_bytes()),
        ] {
            assert_eq!(Header::decode(&page).unwrap_err().code, Code::Version);
        }
    }

    #[test]
    fn less_than_a_page_is_corrupt() {
        for length in [0, 1, header::BYTES, PAGE - 1] {
            assert_eq!(Header::decode(&header().encode()[..length]).unwrap_err().code, Code::Corrupt);
        }
    }
}
