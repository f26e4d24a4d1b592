//! The real ring over a [`HeapMemory`], whose two ends can be killed and replaced.

use shmring::layout::{CONSUMER_SLOT, Layout, control, slot};
use shmring::ledger::{self, Entry};
use shmring::ring::spsc::{Consumer, PRODUCER_SLOT, Producer};

use super::heap::HeapMemory;
use super::mortal::Mortal;
use super::spsc_model::Model;

pub type RealMemory = Mortal<HeapMemory>;

pub struct Real {
    pub memory: HeapMemory,
    pub layout: Layout,
    /// The processes of the two ends.
    pub producing: RealMemory,
    pub consuming: RealMemory,
    pub producer: Producer<RealMemory>,
    pub consumer: Consumer<RealMemory>,
    pub ranges: Vec<u32>,
}

impl Real {
    pub fn new(layout: Layout, position: u64) -> Self {
        let memory = HeapMemory::new(layout, position);
        let (producing, consuming) = (Mortal::new(memory.clone()), Mortal::new(memory.clone()));
        let producer = Producer::attach(producing.clone(), &layout).unwrap();
        let consumer = Consumer::attach(consuming.clone(), &layout).unwrap();
        Real { memory, layout, producing, consuming, producer, consumer, ranges: Vec::new() }
    }

    /// Drops the producer as a kill does, with whatever it had begun, and attaches another.
    pub fn replace_producer(&mut self) -> shmring::error::Result<()> {
        self.producing = Mortal::new(self.memory.clone());
        self.producer = Producer::attach(self.producing.clone(), &self.layout)?;
        Ok(())
    }

    pub fn replace_consumer(&mut self) -> shmring::error::Result<()> {
        self.consuming = Mortal::new(self.memory.clone());
        self.consumer = Consumer::attach(self.consuming.clone(), &self.layout)?;
        Ok(())
    }

    pub fn tail(&self) -> u64 {
        self.memory.get(self.layout.control + control::TAIL)
    }

    pub fn head(&self) -> u64 {
        self.memory.get(self.layout.control + control::HEAD)
    }

    pub fn refused(&self) -> u64 {
        self.memory.get(self.layout.slot(PRODUCER_SLOT) + slot::FULL)
    }

    pub fn aborted(&self) -> u64 {
        self.memory.get(self.layout.slot(PRODUCER_SLOT) + slot::ABORTED)
    }

    /// What anybody sees in shared memory is what the model says.
    pub fn assert_agrees(&self, model: &Model) {
        assert_eq!((self.head(), self.tail()), (model.head, model.tail), "head and tail");
        let entry = |slot: u32, position: u64| {
            ledger::read(&self.memory, self.layout.slot(slot) + slot::LEDGER, position)
        };
        let written = Entry { records: model.written, abandoned: 0 };
        assert_eq!(entry(PRODUCER_SLOT, self.tail()), Some(written), "the producer's ledger");
        let read = Entry { records: model.read, abandoned: 0 };
        assert_eq!(entry(CONSUMER_SLOT, self.head()), Some(read), "the consumer's ledger");
        assert_eq!((self.refused(), self.aborted()), (model.refused, model.aborted), "counters");
        let producer = &self.producer;
        assert_eq!((producer.tail(), producer.has_claim()), (model.tail, model.claim.is_some()));
    }
}
