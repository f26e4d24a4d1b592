//! What an `spsc` ring does, in terms of a queue: the positions, the padding, and when there is room.

use std::collections::VecDeque;

use shmring::error::Code;
use shmring::record::span;

/// Something published and not yet released.
#[derive(Debug, Clone)]
struct Item {
    position: u64,
    end: u64,
    /// None for padding.
    payload: Option<Vec<u8>>,
}

/// A run of records as the consumer was handed it.
#[derive(Debug, Clone, Default)]
pub struct Run {
    pub position: u64,
    /// Position behind each record, and its payload.
    pub records: Vec<(u64, Vec<u8>)>,
    released: usize,
}

#[derive(Debug, Clone)]
pub struct Model {
    capacity: u64,
    pub tail: u64,
    pub head: u64,
    queue: VecDeque<Item>,
    pub written: u64,
    pub read: u64,
    pub refused: u64,
    pub aborted: u64,
    /// Start and length of the open claim.
    pub claim: Option<(u64, usize)>,
    /// The consumer's next record, and how far it knows of records.
    next: u64,
    known: u64,
    pub run: Run,
}

impl Model {
    pub fn new(capacity: usize, position: u64) -> Self {
        Model {
            capacity: capacity as u64,
            tail: position,
            head: position,
            queue: VecDeque::new(),
            written: 0,
            read: 0,
            refused: 0,
            aborted: 0,
            claim: None,
            next: position,
            known: position,
            run: Run::default(),
        }
    }

    pub fn max_record(&self) -> usize {
        self.capacity as usize - 8
    }

    fn rest(&self) -> u64 {
        self.capacity - self.tail % self.capacity
    }

    fn publish(&mut self, end: u64, payload: Option<Vec<u8>>) {
        self.written += u64::from(payload.is_some());
        self.queue.push_back(Item { position: self.tail, end, payload });
        self.tail = end;
    }

    /// Where a record or part of `bytes` may start. Publishes padding alone where both would never
    /// fit at once; padding before what fits comes with [`Model::pad_to`].
    fn reserve(&mut self, bytes: u64) -> Option<u64> {
        let (free, rest) = (self.capacity - (self.tail - self.head), self.rest());
        if bytes <= rest {
            return (bytes <= free).then_some(self.tail);
        }
        if rest + bytes <= free {
            return Some(self.tail + rest);
        }
        if rest <= free {
            self.publish(self.tail + rest, None);
        }
        None
    }

    fn pad_to(&mut self, start: u64) {
        if start != self.tail {
            self.publish(start, None);
        }
    }

    fn may_begin(&self, length: usize) -> Result<(), Code> {
        if self.claim.is_some() {
            return Err(Code::ClaimOpen);
        }
        if length > self.max_record() { Err(Code::TooLarge) } else { Ok(()) }
    }

    pub fn write(&mut self, payload: &[u8]) -> Result<bool, Code> {
        self.may_begin(payload.len())?;
        let Some(start) = self.reserve(span(payload.len()) as u64) else {
            self.refused += 1;
            return Ok(false);
        };
        self.pad_to(start);
        self.publish(start + span(payload.len()) as u64, Some(payload.to_vec()));
        Ok(true)
    }

    /// Parts of as many records as one lap holds; each is written whole or not at all.
    pub fn write_batch(&mut self, payloads: &[Vec<u8>]) -> Result<usize, Code> {
        if payloads.iter().any(|payload| payload.len() > self.max_record()) {
            return Err(Code::TooLarge);
        }
        let mut written = 0;
        while written < payloads.len() {
            self.may_begin(0)?;
            let (mut count, mut bytes) = (0, 0);
            for payload in &payloads[written..] {
                let more = bytes + span(payload.len()) as u64;
                if more > self.capacity {
                    break;
                }
                (count, bytes) = (count + 1, more);
            }
            let Some(start) = self.reserve(bytes) else {
                self.refused += 1;
                break;
            };
            self.pad_to(start);
            for payload in &payloads[written..written + count] {
                self.publish(self.tail + span(payload.len()) as u64, Some(payload.clone()));
            }
            written += count;
        }
        Ok(written)
    }

    /// The offset of the claimed payload in the data area.
    pub fn claim(&mut self, length: usize) -> Result<Option<usize>, Code> {
        self.may_begin(length)?;
        let start = self.reserve(span(length) as u64);
        self.refused += u64::from(start.is_none());
        self.claim = start.map(|start| (start, length));
        Ok(start.map(|start| (start % self.capacity) as usize + 8))
    }

    /// `payload` is what the whole claim holds.
    pub fn commit(&mut self, length: Option<usize>, payload: &[u8]) -> Result<(), Code> {
        let (start, claimed) = self.claim.ok_or(Code::InvalidArgument)?;
        let length = length.unwrap_or(claimed);
        if length > claimed {
            return Err(Code::InvalidArgument);
        }
        self.claim = None;
        self.pad_to(start);
        self.publish(start + span(length) as u64, Some(payload[..length].to_vec()));
        Ok(())
    }

    pub fn abort(&mut self) -> Result<(), Code> {
        self.claim.take().ok_or(Code::InvalidArgument)?;
        self.aborted += 1;
        Ok(())
    }

    pub fn has_room(&mut self, length: usize) -> Result<bool, Code> {
        self.may_begin(length)?;
        Ok(self.reserve(span(length) as u64).is_some())
    }

    /// Whether a producer that waits for room gets on once the head is at `head`: there is room, or,
    /// where padding and record never fit at once, the padding can be published.
    pub fn gets_on_at(&self, head: u64, length: usize) -> bool {
        let mut then = Model { head, ..self.clone() };
        let room = then.reserve(span(length) as u64).is_some();
        room || (then.tail != self.tail && self.rest() + span(length) as u64 > self.capacity)
    }

    fn item(&self, position: u64) -> &Item {
        let index = self.queue.partition_point(|item| item.position < position);
        &self.queue[index]
    }

    fn skip_padding(&mut self) {
        if self.next != self.known && self.item(self.next).payload.is_none() {
            self.next = self.item(self.next).end;
        }
    }

    fn release_to_next(&mut self) {
        self.head = self.next;
        self.queue.retain(|item| item.position >= self.next);
    }

    /// Whether a record is there; if not, padding is released.
    pub fn has_record(&mut self) -> bool {
        self.skip_padding();
        if self.next == self.known {
            self.known = self.tail;
            self.skip_padding();
        }
        if self.next == self.known {
            self.release_to_next();
        }
        self.next != self.known
    }

    pub fn position(&mut self) -> u64 {
        self.has_record();
        self.next
    }

    pub fn available(&mut self) -> u64 {
        self.known = self.tail;
        self.known - self.next
    }

    pub fn peek(&mut self, limit: usize, fresh: bool) -> &Run {
        if fresh {
            self.known = self.tail;
        }
        let found = self.has_record();
        self.hand_out(found, limit)
    }

    pub fn peek_known(&mut self, limit: usize) -> &Run {
        self.skip_padding();
        let found = self.next != self.known;
        if !found {
            self.release_to_next();
        }
        self.hand_out(found, limit)
    }

    fn hand_out(&mut self, found: bool, limit: usize) -> &Run {
        let mut run = Run { position: self.next, ..Run::default() };
        let mut at = self.next;
        while found && at != self.known && run.records.len() < limit {
            let item = self.item(at);
            let Some(payload) = &item.payload else { break };
            if at != self.next && item.end - self.next > self.capacity / 8 {
                break;
            }
            run.records.push((item.end, payload.clone()));
            at = item.end;
            if at.is_multiple_of(self.capacity) {
                break;
            }
        }
        self.run = run;
        &self.run
    }

    /// Releases the first `count` records of the run, some of which may be released already.
    pub fn release(&mut self, count: usize) {
        if count > self.run.released {
            self.next = self.run.records[count - 1].0;
            self.read += (count - self.run.released) as u64;
            self.run.released = count;
            self.release_to_next();
        }
    }

    /// A new producer, after the last one let go or was killed.
    pub fn replace_producer(&mut self) {
        self.claim = None;
    }

    /// A new consumer, after the last one let go or was killed.
    pub fn replace_consumer(&mut self) {
        (self.next, self.known, self.run) = (self.head, self.tail, Run::default());
    }
}
