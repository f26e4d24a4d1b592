import fc from 'fast-check';
import type { Producer, Ring } from 'shmring';
import { expect, test } from 'vitest';
import { codeOf } from '../helpers/errors.js';
import { MPSC } from '../helpers/kinds.js';
import { drainStrings } from '../helpers/rings.js';
import { seedFor } from '../helpers/seed.js';

const PRODUCERS = 4;

type Step =
  | { kind: 'write' | 'claim' | 'commit'; who: number; byteLength: number }
  | { kind: 'batch'; who: number; byteLength: number; count: number }
  | { kind: 'abort' | 'reopen'; who: number }
  | { kind: 'drain'; limit: number };

const who = fc.nat({ max: PRODUCERS - 1 });
const byteLength = fc.oneof(
  { weight: 5, arbitrary: fc.nat({ max: 200 }) },
  { weight: 1, arbitrary: fc.nat({ max: MPSC.maxRecord() }) },
);
const kinds = <Kind extends string>(...of: Kind[]): fc.Arbitrary<Kind> => fc.constantFrom(...of);
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: kinds('write', 'claim', 'commit'), who, byteLength }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: kinds('batch'), who, byteLength, count: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kinds('abort', 'reopen'), who }) },
  { weight: 2, arbitrary: fc.record({ kind: kinds('drain'), limit: fc.integer({ min: 1, max: 99 }) }) },
);

/** What has been reserved and not yet read, in the order of the reservations. */
interface Entry {
  who: number;
  state: 'record' | 'claim' | 'aborted';
  text: string;
}

class Queue {
  readonly entries: Entry[] = [];
  written = 0;
  read = 0;
  aborted = 0;
  #records = 0;

  /** A text that no other record has. */
  text(byteLength: number): string {
    this.#records += 1;
    return `${this.#records}`.padEnd(byteLength, '.').slice(0, Math.max(byteLength, 0));
  }

  claimOf(who: number): Entry | undefined {
    return this.entries.find((entry) => entry.who === who && entry.state === 'claim');
  }

  add(who: number, text: string, state: Entry['state'] = 'record'): void {
    this.entries.push({ who, state, text });
    if (state === 'record') this.written += 1;
  }

  commit(claim: Entry, byteLength: number): void {
    claim.state = 'record';
    claim.text = claim.text.slice(0, byteLength);
    this.written += 1;
  }

  abort(claim: Entry): void {
    claim.state = 'aborted';
    this.aborted += 1;
  }

  /** The records that a reader gets: up to the first open claim. */
  take(limit: number): string[] {
    const taken: string[] = [];
    while (taken.length < limit && this.entries[0] !== undefined && this.entries[0].state !== 'claim') {
      const { state, text } = this.entries.shift() as Entry;
      if (state === 'record') taken.push(text);
    }
    this.read += taken.length;
    return taken;
  }

  /** Whose open claim is next in line. */
  blocker(): number | undefined {
    const next = this.entries.find(({ state }) => state !== 'aborted');
    return next?.state === 'claim' ? next.who : undefined;
  }
}

/** No room is an answer only if there is none: with the padding before it, the record does not fit. */
function expectFull(ring: Ring, bytes: number): void {
  expect(ring.stats().bytesWaiting + 2 * bytes).toBeGreaterThan(ring.capacity);
}

function run(schedule: Step[]): void {
  const ring = MPSC.createRing();
  const consumer = ring.consumer();
  const attach = (index: number): Producer => ring.producer({ label: `${index}` });
  const producers = Array.from({ length: PRODUCERS }, (_, i) => attach(i));
  const queue = new Queue();
  for (const step of schedule) {
    if (step.kind === 'drain') {
      expect(drainStrings(consumer, step.limit)).toEqual(queue.take(step.limit));
    } else {
      const producer = producers[step.who] as Producer;
      const claim = queue.claimOf(step.who);
      if (step.kind === 'write' || step.kind === 'batch' || step.kind === 'claim') {
        const count = step.kind === 'batch' ? step.count : 1;
        const length = Math.min(step.byteLength, Math.floor(MPSC.maxRecord() / count) - 64);
        const texts = Array.from({ length: count }, () => queue.text(Math.max(0, length)));
        const bytes = texts.reduce((sum, text) => sum + MPSC.span(text.length), 0);
        const write = (): boolean => {
          if (step.kind === 'write') return producer.tryWrite(texts[0] as string);
          if (step.kind === 'batch') return producer.tryWriteBatch(texts) === count;
          const offset = producer.tryClaim((texts[0] as string).length);
          if (offset >= 0) producer.memory.write(texts[0] as string, offset, 'latin1');
          return offset >= 0;
        };
        if (claim !== undefined) expect(codeOf(write)).toBe('CLAIM_OPEN');
        else if (!write()) expectFull(ring, bytes);
        else for (const text of texts) queue.add(step.who, text, step.kind === 'claim' ? 'claim' : 'record');
      } else if (step.kind === 'commit' && claim !== undefined) {
        const length = Math.min(step.byteLength, claim.text.length);
        producer.commit(length);
        queue.commit(claim, length);
      } else if (step.kind === 'abort' && claim !== undefined) {
        producer.abort();
        queue.abort(claim);
      } else if (step.kind === 'reopen') {
        producer.close();
        if (claim !== undefined) queue.abort(claim);
        producers[step.who] = attach(step.who);
      }
    }
    const blocker = queue.blocker();
    expect(consumer.blockedBy?.label).toBe(blocker === undefined ? undefined : `${blocker}`);
  }
  const { written, read, aborted } = queue;
  expect(ring.stats()).toMatchObject({ written, read, aborted, abandoned: 0, producers: PRODUCERS });
  for (const producer of producers) producer.close();
  for (const entry of queue.entries) if (entry.state === 'claim') queue.abort(entry);
  expect(drainStrings(consumer)).toEqual(queue.take(Infinity));
  expect(ring.stats()).toMatchObject({ written, read: written, recordsWaiting: 0, bytesWaiting: 0 });
  ring.unlink();
  ring.close();
}

test('whatever several producers and the consumer do in turn agrees with a queue of reservations', {
  timeout: 120_000,
}, () => {
  const seed = seedFor('many producers');
  fc.assert(fc.property(fc.array(steps, { maxLength: 150, size: 'max' }), run), { seed, numRuns: 300 });
});
