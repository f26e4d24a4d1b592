import { deepEqual, equal } from 'node:assert/strict';
import { type Consumer, type Producer, Ring, type RingOptions } from 'shmring';
import type { Model } from './model.js';

/** The ring under test with both its ends in this process, and what can be done to them. */
export class Real {
  ring: Ring;
  producer: Producer;
  consumer: Consumer;

  constructor(name: string, options: RingOptions) {
    this.ring = Ring.create(name, options);
    this.producer = this.ring.producer();
    this.consumer = this.ring.consumer();
  }

  reopenProducer(): void {
    this.producer.close();
    this.producer = this.ring.producer();
  }

  reopenConsumer(): void {
    this.consumer.close();
    this.consumer = this.ring.consumer();
  }

  reopenRing(): void {
    const { name } = this.ring;
    this.ring.close();
    this.ring = Ring.open(name);
    this.producer = this.ring.producer();
    this.consumer = this.ring.consumer();
  }

  /** Compares a record that was handed out with the one that the model has at this place. */
  checkRecord(model: Model, index: number, found: Buffer, position: number): void {
    const expected = model.waiting[index];
    equal(found.toString('hex'), expected?.toString('hex'), `record ${index}`);
    model.seen(index, position);
  }

  /** Everything that can be seen without changing anything. */
  checkAll(model: Model): void {
    const stats = this.ring.stats();
    deepEqual(
      { ...stats, bytesWaiting: 0 },
      {
        written: model.written,
        read: model.read,
        recordsWaiting: model.waiting.length,
        bytesWaiting: 0,
        abandoned: 0,
        aborted: model.aborted,
        full: model.full,
        producers: 1,
        consumers: 1,
      },
    );
    model.bytesWaiting(stats.bytesWaiting);
    const seen = [...this.ring.inspect()].filter(({ state }) => state === 'committed');
    equal(seen.length, model.waiting.length, 'records that inspect() sees');
    seen.forEach(({ position, byteLength, bytes }, i) => {
      const expected = model.waiting[i] as Buffer;
      equal(byteLength, expected.length);
      equal(bytes?.equals(expected), true, `bytes of record ${i} that inspect() sees`);
      model.seen(i, position);
    });
    model.nextPosition(this.consumer.position);
    equal(this.consumer.ended, false);
    // Only an open claim of an mpsc ring is in the way of anything.
    const blocked = this.ring.kind === 'mpsc' && model.claimed !== undefined && model.waiting.length === 0;
    deepEqual(this.consumer.blockedBy?.pid, blocked ? process.pid : undefined);
    equal(this.producer.consumerAlive(), true);
  }
}
