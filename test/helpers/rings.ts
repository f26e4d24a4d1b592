import { type Consumer, type Producer, Ring, type RingOptions } from 'shmring';
import { afterEach } from 'vitest';
import { freshName } from './scratch.js';

const opened: Ring[] = [];
afterEach(() => {
  for (const ring of opened.splice(0)) ring.close();
});

/** Closes the ring after the test, whatever happens. */
export function closing(ring: Ring): Ring {
  opened.push(ring);
  return ring;
}

/** A fresh `spsc` ring of 4096 bytes, or as the options say. */
export function createRing(options: RingOptions = {}): Ring {
  return closing(Ring.create(freshName(), { kind: 'spsc', capacity: 4096, ...options }));
}

export interface Ends {
  ring: Ring;
  producer: Producer;
  consumer: Consumer;
}

/** A fresh ring with both its ends in this process. */
export function createEnds(options: RingOptions = {}): Ends {
  const ring = createRing(options);
  return { ring, producer: ring.producer(), consumer: ring.consumer() };
}

/** Drains everything there is, as strings. */
export function drainStrings(consumer: Consumer, limit?: number): string[] {
  const seen: string[] = [];
  const take = (memory: Buffer, start: number, end: number): void => {
    seen.push(memory.toString('utf8', start, end));
  };
  if (limit === undefined) consumer.drain(take);
  else consumer.drain(take, limit);
  return seen;
}

/** Writes zeros of this size until the ring refuses; returns how many fitted. */
export function fillUp(producer: Producer, byteLength = 56): number {
  const record = Buffer.alloc(byteLength);
  let written = 0;
  while (producer.tryWrite(record)) written += 1;
  return written;
}
