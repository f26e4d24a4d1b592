// A party of a conversation through two rings: it writes into one and reads from the other.

/** It never sleeps, as its answer is on its way: what a program would say that wants low latency. */
const BUSY = { spinMicros: 1_000_000 };

export class Party {
  #producer;
  #consumer;
  #record;
  #out;
  #in;
  #number = 0;

  constructor(producer, consumer, size) {
    this.#producer = producer;
    this.#consumer = consumer;
    this.#record = Buffer.alloc(size);
    this.#out = new DataView(this.#record.buffer, this.#record.byteOffset, size);
  }

  write(number) {
    this.#out.setUint32(0, number, true);
    if (!this.#producer.tryWrite(this.#record)) throw new Error('one record in flight always fits');
  }

  /** Waits for the next record; its number. */
  read() {
    this.#wait(this.#take);
    return this.#number;
  }

  /** Waits for `records` records and answers each. */
  answer(records) {
    for (let left = records; left > 0; ) left -= this.#wait(this.#reply);
  }

  #wait(handler) {
    for (;;) {
      const drained = this.#consumer.drainSync(handler, BUSY);
      if (drained > 0) return drained;
      if (this.#consumer.ended) throw new Error(`ended early: ${this.#consumer.ended}`);
    }
  }

  #take = (memory, start) => {
    this.#in ??= new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.#number = this.#in.getUint32(start, true);
  };

  #reply = (memory, start) => {
    this.#take(memory, start);
    this.write(this.#number);
  };
}
