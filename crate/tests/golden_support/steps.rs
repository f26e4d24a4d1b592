//! Runs the history of a golden segment: lines of `WHO DOES WHAT`, as test/golden/README.md has them.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use shmring::attached::{Consumer, EndWhen, Inspected, Producer, Ring, Stats};
use shmring::layout::{GRANULE, Kind, Layout};
use shmring::record::{Header, span};
use shmring::ring::{Payload, Peeked};
use shmring::segment::{CreateOptions, Segment};

use crate::segment_support::Place;

/// The most records of one look, as TypeScript has it.
const RUN: usize = 1024;

/// A ring and who is attached to it.
pub struct World {
    place: Place,
    /// Of the ring by now: who is killed is left behind with an old one.
    name: String,
    segment: Arc<Segment>,
    layout: Layout,
    producers: BTreeMap<String, Producer>,
    consumer: Option<Consumer>,
    ranges: Vec<u32>,
    /// What was written and not yet read.
    waiting: VecDeque<Vec<u8>>,
    /// Of the next payload.
    number: usize,
}

/// The payload of a number: letters.
pub fn letters(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|index| b'a' + ((number + index) % 26) as u8).collect()
}

impl World {
    pub fn new(kind: Kind) -> World {
        let place = Place::new();
        let options = CreateOptions { kind: Some(kind), capacity: Some(1), ..place.small() };
        let segment = Segment::create("golden", &options).unwrap();
        World::around(place, "golden".to_owned(), segment)
    }

    /// A world with what lies in `bytes`, of which nothing is known.
    pub fn of(bytes: &[u8]) -> World {
        let place = Place::new();
        put(&place, "golden", bytes);
        let segment = place.open("golden").unwrap();
        World::around(place, "golden".to_owned(), segment)
    }

    fn around(place: Place, name: String, segment: Segment) -> World {
        let layout = *segment.layout();
        World {
            place,
            name,
            segment: Arc::new(segment),
            layout,
            producers: BTreeMap::new(),
            consumer: None,
            ranges: vec![0; 2 * RUN],
            waiting: VecDeque::new(),
            number: 0,
        }
    }

    /// Runs lines up to the end or, with `until`, the snapshot of that name.
    pub fn run(&mut self, history: &str, until: Option<&str>) {
        for line in history.lines() {
            let line = line.split('#').next().unwrap();
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words[..] {
                [] => {}
                ["snapshot", name] if Some(name) == until => return,
                ["snapshot", _] => {}
                [who, does, ref what @ ..] => {
                    let what: Vec<usize> = what.iter().filter_map(|word| word.parse().ok()).collect();
                    self.step(who, does, &what);
                }
                _ => panic!("no step: {line}"),
            }
        }
    }

    fn step(&mut self, who: &str, does: &str, what: &[usize]) {
        match does {
            "produces" => {
                let producer = Producer::attach(&self.segment, who).unwrap();
                self.producers.insert(who.to_owned(), producer);
            }
            "consumes" => {
                self.consumer = Some(Consumer::attach(&self.segment, who, EndWhen::Sealed).unwrap());
            }
            "closes" => match self.producers.remove(who) {
                Some(mut producer) => producer.close(),
                None => self.consumer.take().unwrap().close(),
            },
            "writes" | "tells" => what.iter().for_each(|&length| {
                let payload = self.next(length);
                assert!(self.write(who, &payload), "{who} {does} {length}");
                self.waiting.push_back(payload);
            }),
            "blanks" => what.iter().for_each(|&length| {
                assert!(self.write(who, &vec![0; length]), "{who} {does} {length}");
                self.waiting.push_back(vec![0; length]);
            }),
            "refuses" => assert!(!self.write(who, &vec![0; what[0]]), "{who} {does} {}", what[0]),
            "batches" => {
                let payloads: Vec<Vec<u8>> = what.iter().map(|&length| self.next(length)).collect();
                let batch: Vec<Payload> = payloads.iter().map(|bytes| Payload::of(bytes)).collect();
                let ring = self.producers.get_mut(who).unwrap().ring();
                // SAFETY: the payloads outlive the call.
                assert_eq!(unsafe { ring.try_write_batch(&batch) }.unwrap(), batch.len());
                self.waiting.extend(payloads);
            }
            "commits" => {
                let mut payload = self.claim(who, what[1]);
                self.producers.get_mut(who).unwrap().ring().commit(Some(what[0])).unwrap();
                payload.truncate(what[0]);
                self.waiting.push_back(payload);
            }
            "aborts" => {
                self.claim(who, what[0]);
                self.producers.get_mut(who).unwrap().ring().abort().unwrap();
            }
            "takes" => (0..what[0]).for_each(|_| {
                let peeked = self.peek(1, false);
                self.release(peeked);
            }),
            "releases" => {
                let peeked = self.peek(what[0], true);
                assert_eq!(peeked.count, what[0]);
                self.release(peeked);
            }
            "drains" => self.drain(),
            "tags" => self.tag(who, what[0], what[1] as u16),
            "sleeps" => self.sleep(who, what.first().copied()),
            "seals" => self.ring().seal().unwrap(),
            "dies" => self.die(who, what[0]),
            "recovers" => {
                let reservations = if self.layout.kind == Kind::Mpsc { 1 } else { 0 };
                assert_eq!(self.ring().recover().unwrap().reservations, reservations);
            }
            _ => panic!("nobody does what {does} says"),
        }
    }

    fn next(&mut self, length: usize) -> Vec<u8> {
        self.number += 1;
        letters(self.number - 1, length)
    }

    fn write(&mut self, who: &str, payload: &[u8]) -> bool {
        let ring = self.producers.get_mut(who).unwrap().ring();
        // SAFETY: the payload outlives the call.
        unsafe { ring.try_write(Payload::of(payload)) }.unwrap()
    }

    /// Opens a claim and fills it.
    fn claim(&mut self, who: &str, length: usize) -> Vec<u8> {
        let payload = self.next(length);
        let offset = self.producers.get_mut(who).unwrap().try_claim(length).unwrap().unwrap();
        self.file().write_all_at(&payload, (self.layout.data + offset) as u64).unwrap();
        payload
    }

    /// A record with a tag, as a later version may write it.
    fn tag(&mut self, who: &str, length: usize, tag: u16) {
        self.step(who, "writes", &[length]);
        let unit = if self.layout.kind == Kind::Mpsc { GRANULE } else { 8 };
        let room = span(length).next_multiple_of(unit) as u64;
        let position = self.producers.get_mut(who).unwrap().ring().end() - room;
        let at = self.layout.data as u64 + position % self.layout.capacity as u64;
        let word = Header::Record(length).encode_tagged(position, tag);
        self.file().write_all_at(&word.to_le_bytes(), at).unwrap();
    }

    /// Says that it sleeps, a producer until there is room for `length` bytes, and never comes to wake up.
    fn sleep(&mut self, who: &str, length: Option<usize>) {
        let _ = match self.producers.get_mut(who) {
            Some(producer) => producer.ring().announce_sleep(length.unwrap()),
            None => self.consumer.as_mut().unwrap().ring().announce_sleep(None),
        };
    }

    /// Everybody is killed while `who` has a claim open: what they leave behind goes on under a new name.
    fn die(&mut self, who: &str, length: usize) {
        self.claim(who, length);
        let left = self.bytes();
        self.name += "-left";
        put(&self.place, &self.name, &left);
        self.segment = Arc::new(self.place.open(&self.name).unwrap());
        self.producers.clear();
        self.consumer = None;
    }

    fn peek(&mut self, limit: usize, fresh: bool) -> Peeked {
        self.consumer.as_mut().unwrap().peek(&mut self.ranges, limit, fresh).unwrap()
    }

    fn release(&mut self, peeked: Peeked) {
        for range in self.ranges[..2 * peeked.count].chunks(2) {
            let mut found = vec![0; (range[1] - range[0]) as usize];
            let at = (self.layout.data + range[0] as usize) as u64;
            self.file().read_exact_at(&mut found, at).unwrap();
            assert_eq!(found, self.waiting.pop_front().expect("it was written"));
        }
        self.consumer.as_mut().unwrap().ring().release(&self.ranges, peeked.count).unwrap();
    }

    /// As TypeScript drains: a look, then as far as was known by then.
    fn drain(&mut self) {
        let mut peeked = self.peek(RUN, true);
        while peeked.count > 0 {
            self.release(peeked);
            peeked = self.consumer.as_mut().unwrap().peek_known(&mut self.ranges, RUN).unwrap();
        }
        assert!(self.waiting.is_empty(), "everything was read");
    }

    /// What will be read next is this.
    pub fn expect(&mut self, payloads: impl IntoIterator<Item = Vec<u8>>) {
        self.waiting.extend(payloads);
    }

    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.place.file(&self.name)).unwrap()
    }

    pub fn inspect(&self) -> Vec<Inspected> {
        let ring = self.ring();
        let mut inspector = ring.inspect().unwrap();
        std::iter::from_fn(|| ring.inspect_next(&mut inspector)).collect()
    }

    pub fn stats(&self) -> Stats {
        self.ring().stats().unwrap()
    }

    fn ring(&self) -> Ring {
        Ring::attach(self.place.open(&self.name).unwrap()).unwrap()
    }

    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    fn file(&self) -> File {
        File::options().read(true).write(true).open(self.place.file(&self.name)).unwrap()
    }
}

/// A file as a ring leaves it.
fn put(place: &Place, name: &str, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(place.file(name), bytes).unwrap();
    std::fs::set_permissions(place.file(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}
