//! What an `mpsc` ring does when one call follows another, in terms of a queue of reservations.

use std::collections::VecDeque;

use shmring::error::Code;
use shmring::layout::{GRANULE, Layout};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Of the owner of this slot, who lives.
    Reserved(u32),
    /// Of an owner of this slot who is gone.
    Dead(u32),
    Record(Vec<u8>),
    Pad,
    Abandoned,
}

#[derive(Debug, Clone)]
struct Item {
    position: u64,
    end: u64,
    state: State,
}

/// What the model knows of the owners of a slot.
#[derive(Debug, Clone, Default)]
pub struct Owner {
    pub written: u64,
    pub refused: u64,
    pub aborted: u64,
    /// Position and length of the open claim.
    pub claim: Option<(u64, usize)>,
}

#[derive(Debug, Clone)]
pub struct Model {
    capacity: u64,
    max_record: usize,
    pub tail: u64,
    pub head: u64,
    next: u64,
    horizon: u64,
    queue: VecDeque<Item>,
    pub owners: Vec<Owner>,
    pub read: u64,
    pub abandoned: u64,
    /// Of those passed over and not yet released.
    passed_abandoned: u64,
    run: Vec<u64>,
    run_released: usize,
}

/// Bytes of ring space that a record of `length` bytes takes.
fn room(length: usize) -> u64 {
    (length + 8).next_multiple_of(GRANULE) as u64
}

impl Model {
    pub fn new(layout: &Layout, position: u64) -> Self {
        Model {
            capacity: layout.capacity as u64,
            max_record: layout.max_record(),
            tail: position,
            head: position,
            next: position,
            horizon: position + layout.capacity as u64,
            queue: VecDeque::new(),
            owners: vec![Owner::default(); layout.slot_count as usize],
            read: 0,
            abandoned: 0,
            passed_abandoned: 0,
            run: Vec::new(),
            run_released: 0,
        }
    }

    fn owner(&mut self, slot: u32) -> &mut Owner {
        &mut self.owners[slot as usize]
    }

    fn push(&mut self, bytes: u64, state: State) -> u64 {
        let position = self.tail;
        self.tail += bytes;
        self.queue.push_back(Item { position, end: self.tail, state });
        position
    }

    fn find(&self, bytes: u64) -> bool {
        let rest = self.capacity - self.tail % self.capacity;
        let need = if bytes <= rest { bytes } else { rest + bytes };
        self.tail + need - self.head <= self.capacity
    }

    /// Whoever finds no room abandons what stands first in its slot's name and is not its own.
    fn find_or_disown(&mut self, slot: u32, bytes: u64) -> bool {
        let found = self.find(bytes);
        if !found
            && let Some(first) = self.queue.front_mut()
            && first.state == State::Dead(slot)
        {
            first.state = State::Abandoned;
        }
        found
    }

    /// Makes sure that what comes next begins where `bytes` fit in one piece; false: no room.
    fn reserve(&mut self, slot: u32, bytes: u64) -> bool {
        if !self.find_or_disown(slot, bytes) {
            self.owner(slot).refused += 1;
            return false;
        }
        let rest = self.capacity - self.tail % self.capacity;
        if bytes > rest {
            self.push(rest, State::Pad);
        }
        true
    }

    fn may_begin(&self, slot: u32, length: usize) -> Result<(), Code> {
        if self.owners[slot as usize].claim.is_some() {
            return Err(Code::ClaimOpen);
        }
        if length > self.max_record { Err(Code::TooLarge) } else { Ok(()) }
    }

    pub fn write(&mut self, slot: u32, payload: &[u8]) -> Result<bool, Code> {
        self.may_begin(slot, payload.len())?;
        let reserved = self.reserve(slot, room(payload.len()));
        if reserved {
            self.push(room(payload.len()), State::Record(payload.to_vec()));
            self.owner(slot).written += 1;
        }
        Ok(reserved)
    }

    pub fn write_batch(&mut self, slot: u32, payloads: &[Vec<u8>]) -> Result<usize, Code> {
        if payloads.iter().any(|payload| payload.len() > self.max_record) {
            return Err(Code::TooLarge);
        }
        let mut written = 0;
        while written < payloads.len() {
            self.may_begin(slot, 0)?;
            let (mut count, mut bytes) = (0, 0);
            for payload in &payloads[written..] {
                if bytes + room(payload.len()) > room(self.max_record) {
                    break;
                }
                (count, bytes) = (count + 1, bytes + room(payload.len()));
            }
            if !self.reserve(slot, bytes) {
                break;
            }
            for payload in &payloads[written..written + count] {
                self.push(room(payload.len()), State::Record(payload.clone()));
            }
            self.owner(slot).written += count as u64;
            written += count;
        }
        Ok(written)
    }

    /// The offset of the claimed payload in the data area.
    pub fn claim(&mut self, slot: u32, length: usize) -> Result<Option<usize>, Code> {
        self.may_begin(slot, length)?;
        if !self.reserve(slot, room(length)) {
            return Ok(None);
        }
        let position = self.push(room(length), State::Reserved(slot));
        self.owner(slot).claim = Some((position, length));
        Ok(Some((position % self.capacity) as usize + 8))
    }

    fn settle(&mut self, position: u64, state: State) {
        let index = self.queue.partition_point(|item| item.position < position);
        self.queue[index].state = state;
    }

    /// `payload` is what the whole claim holds.
    pub fn commit(&mut self, slot: u32, length: usize, payload: &[u8]) -> Result<(), Code> {
        let (position, claimed) = self.owner(slot).claim.ok_or(Code::InvalidArgument)?;
        if length > claimed {
            return Err(Code::InvalidArgument);
        }
        self.settle(position, State::Record(payload[..length].to_vec()));
        self.owner(slot).claim = None;
        self.owner(slot).written += 1;
        Ok(())
    }

    pub fn abort(&mut self, slot: u32) -> Result<(), Code> {
        let (position, _) = self.owner(slot).claim.take().ok_or(Code::InvalidArgument)?;
        self.settle(position, State::Pad);
        self.owner(slot).aborted += 1;
        Ok(())
    }

    pub fn has_room(&mut self, slot: u32, length: usize) -> Result<bool, Code> {
        self.may_begin(slot, length)?;
        Ok(self.find_or_disown(slot, room(length)))
    }

    /// The owner of `slot` dies, perhaps with a claim, and another comes.
    pub fn replace(&mut self, slot: u32) {
        if let Some((position, _)) = self.owner(slot).claim.take() {
            self.settle(position, State::Dead(slot));
        }
    }

    /// Abandons what the dead have reserved: how many reservations, and their bytes.
    pub fn repair(&mut self) -> (u64, u64) {
        let dead = self.queue.iter_mut().filter(|item| matches!(item.state, State::Dead(_)));
        dead.fold((0, 0), |(count, bytes), item| {
            item.state = State::Abandoned;
            (count + 1, bytes + item.end - item.position)
        })
    }

    fn item(&self, position: u64) -> Option<&Item> {
        self.queue.get(self.queue.partition_point(|item| item.position < position))
    }

    fn pass(&mut self) -> Option<State> {
        loop {
            let Item { end, state, .. } = self.item(self.next)?.clone();
            match state {
                State::Pad => {}
                State::Abandoned => self.passed_abandoned += 1,
                other => return Some(other),
            }
            self.next = end;
        }
    }

    fn release_to_next(&mut self) {
        self.head = self.next;
        self.abandoned += std::mem::take(&mut self.passed_abandoned);
        self.queue.retain(|item| item.position >= self.next);
    }

    /// Whether a record is next; if not, what was passed over is released.
    pub fn has_record(&mut self) -> bool {
        let found = matches!(self.pass(), Some(State::Record(_)));
        if !found {
            self.release_to_next();
        }
        found
    }

    /// The reservation that is next: whether its owner lives.
    pub fn blocked(&mut self) -> Option<bool> {
        match self.pass() {
            Some(State::Reserved(_)) => Some(true),
            Some(State::Dead(_)) => Some(false),
            _ => None,
        }
    }

    /// The consumer passes the dead owner's reservation that is next.
    pub fn unblock(&mut self) {
        self.settle(self.next, State::Abandoned);
    }

    pub fn position(&mut self) -> u64 {
        self.pass();
        self.next
    }

    pub fn available(&self) -> u64 {
        self.tail - self.next
    }

    /// Position and payloads of the run.
    pub fn peek(&mut self, limit: usize, fresh: bool) -> (u64, Vec<Vec<u8>>) {
        if fresh {
            self.horizon = self.next + self.capacity;
        }
        let found = self.next < self.horizon && self.has_record();
        let (mut at, mut payloads) = (self.next, Vec::new());
        self.run.clear();
        self.run_released = 0;
        while found && payloads.len() < limit {
            let Some(Item { end, state: State::Record(payload), .. }) = self.item(at) else { break };
            if at != self.next && end - self.next > self.capacity / 8 {
                break;
            }
            payloads.push(payload.clone());
            at = *end;
            self.run.push(at);
            if at.is_multiple_of(self.capacity) || at >= self.horizon {
                break;
            }
        }
        (self.next, payloads)
    }

    /// Releases the first `count` records of the run, some of which may be released already.
    pub fn release(&mut self, count: usize) {
        if count > self.run_released {
            self.next = self.run[count - 1];
            self.read += (count - self.run_released) as u64;
            self.run_released = count;
            self.release_to_next();
        }
    }

    pub fn run_length(&self) -> usize {
        self.run.len()
    }

    /// A new consumer, after the last one let go or was killed.
    pub fn replace_consumer(&mut self) {
        (self.next, self.horizon) = (self.head, self.head + self.capacity);
        (self.passed_abandoned, self.run_released) = (0, 0);
        self.run.clear();
    }
}
