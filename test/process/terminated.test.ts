import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Consumer, Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { Checker, NO_FAULTS } from '../helpers/checker.mjs';
import { codeOf } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { batchLengthOf, fillRecord, lengthOf, sequenceOf } from '../helpers/record.mjs';
import { randomFrom, seedFor } from '../helpers/seed.js';
import { within } from '../helpers/time.js';

eachKind(({ kind, createRing }) => {
  const FIXTURE = new URL('./fixtures/worker-busy.mjs', import.meta.url);
  const CAPACITY = 65_536;
  /** Worker threads that end for each thing that they may be doing, so many at a time. */
  const ROUNDS = kind === 'spsc' ? 16 : 8;
  const AT_ONCE = 4;
  /** How long they may do it: from not at all to some slices' worth of nothing. */
  const LONGEST_MS = 8;

  interface Busy {
    /** How many records the thread was told are written, or has handled. */
    count(): number;
    /** Terminates the thread after so long, calling `meanwhile` again and again until then. */
    endAfter(ms: number, meanwhile: () => void): Promise<void>;
  }

  async function startBusy(ring: Ring, doing: string): Promise<Busy> {
    const books = new SharedArrayBuffer(4);
    const worker = new Worker(FIXTURE, { workerData: { name: ring.name, doing, books } });
    await within(once(worker, 'message'), `the beginning of what ${doing}`);
    return {
      count: () => Atomics.load(new Int32Array(books), 0),
      async endAfter(ms, meanwhile) {
        const until = performance.now() + ms;
        do {
          meanwhile();
          await turn();
        } while (performance.now() < until);
        await within(worker.terminate(), `the end of a thread that ${doing}`);
      },
    };
  }

  /** Ends threads that do this, at random moments, and looks at each ring at once. */
  async function storm(doing: string, round: (ring: Ring, lastsMs: number) => Promise<void>): Promise<void> {
    const random = randomFrom(seedFor(`a thread that ${doing}`));
    for (let i = 0; i < ROUNDS; i += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, () => {
        const ring = createRing({ capacity: CAPACITY });
        // A third of them at once.
        return round(ring, Math.max(0, random() * 1.5 - 0.5) * LONGEST_MS);
      });
      await Promise.all(some);
    }
  }

  /** Nobody holds the role any more, and whoever takes it gets it. */
  function expectDeathOf(role: 'producer' | 'consumer', ring: Ring): void {
    expect(ring.owners().filter((owner) => owner.role === role)).toEqual([
      expect.objectContaining({ alive: false, pid: process.pid }),
    ]);
    expect(ring.stats()).toMatchObject(role === 'producer' ? { producers: 0 } : { consumers: 0 });
  }

  describe('a Worker that is terminated leaves a ring as a kill would, at once, when it', () => {
    const record = (checker: Checker) => (memory: Buffer, start: number, end: number, position: number) =>
      checker.accept(memory, start, end, position);

    test.each([
      ['writes with writeSync', 1],
      ['writes batches', undefined],
      ['writes claims', 1],
      ['holds a claim', 1],
      ['awaits writes', 1],
      ['waits for room with waitForRoomSync', 0],
    ])('%s', async (doing, inDoubt) => {
      await storm(doing, async (ring, lastsMs) => {
        const consumer = ring.consumer({ endWhen: 'no-producers' });
        const checker = new Checker();
        const busy = await startBusy(ring, doing);
        const drains = !doing.startsWith('waits');
        await busy.endAfter(lastsMs, () => drains && consumer.drain(record(checker)));

        expectDeathOf('producer', ring);
        consumer.drain(record(checker));
        expect(consumer.ended).toBe('producer-died');
        expect(checker.verdict()).toEqual(NO_FAULTS);
        const unacknowledged = checker.next(1) - busy.count();
        expect([0, inDoubt ?? batchLengthOf(busy.count())]).toContain(unacknowledged);
        const delivered = checker.next(1);
        expect(ring.stats()).toMatchObject({ written: delivered, read: delivered, aborted: 0 });
        // Only a claim can be cut short by the end of a thread: it does not end inside the addon.
        const abandonedAtMost = kind === 'mpsc' && doing.includes('claim') ? 1 : 0;
        expect(ring.stats().abandoned).toBeLessThanOrEqual(abandonedAtMost);

        const successor = ring.producer();
        expect(successor.tryWrite('next')).toBe(true);
        expect(consumer.tryRead()?.toString()).toBe('next');
      });
    });

    test('blocks in writeSync on a full ring', async () => {
      await storm('writes with writeSync', async (ring, lastsMs) => {
        const consumer = ring.consumer({ endWhen: 'no-producers' });
        const busy = await startBusy(ring, 'writes with writeSync');
        await busy.endAfter(lastsMs, () => {});
        expectDeathOf('producer', ring);
        const checker = new Checker();
        consumer.drain(record(checker));
        expect(checker.verdict()).toEqual(NO_FAULTS);
        expect([0, 1]).toContain(checker.next(1) - busy.count());
        expect(consumer.ended).toBe('producer-died');
      });
    });

    /** Writes numbered records until the ring is full; says how many there are then. */
    function writer(ring: Ring): () => number {
      const producer = ring.producer();
      const scratch = Buffer.alloc(512);
      let sequence = 0;
      return () => {
        for (;;) {
          const length = lengthOf(1, sequence, scratch.length);
          fillRecord(scratch, 0, 1, sequence, length);
          if (!producer.tryWrite(scratch.subarray(0, length))) return sequence;
          sequence += 1;
        }
      };
    }

    /** Drains what the successor is given; where each record lies. It must go on to the last written. */
    function takeOver(consumer: Consumer, written: number): Map<number, number> {
      const checker = new Checker();
      const positions = new Map<number, number>();
      consumer.drain((memory, start, end, position) => {
        positions.set(sequenceOf(memory, start), position);
        checker.accept(memory, start, end, position);
      });
      expect(checker.next(1)).toBe(positions.size === 0 ? 0 : written);
      // It begins in the middle of the stream; everything else must be right.
      expect(checker.verdict()).toMatchObject({ repeated: 0, reordered: 0, torn: 0 });
      return positions;
    }

    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

    test.each([
      'drains with drainSync',
      'lags as long as it may in drainSync',
      'rests in a handler',
      'holds a batch',
      'blocks in waitSync',
      'awaits wait',
      'iterates with for await',
    ])('%s', async (doing) => {
      await storm(doing, async (ring, lastsMs) => {
        const write = writer(ring);
        const busy = await startBusy(ring, doing);
        let written = 0;
        // Who waits, or leaves the producer alone, is left to do so.
        let pauses = doing.startsWith('blocks') && lastsMs < LONGEST_MS / 2;
        await busy.endAfter(lastsMs, () => {
          if (!pauses) written = write();
          pauses ||= doing.startsWith('lags');
        });

        expectDeathOf('consumer', ring);
        const released = ring.stats().read;
        const consumer = ring.consumer();
        const begin = 8 * consumer.position;
        const positions = takeOver(consumer, written);
        expect([...positions.keys()]).toEqual(range(released, written));
        // What was released was handled, or handed out and about to be.
        expect(released).toBeLessThanOrEqual(busy.count() + 1);
        // What comes again is an eighth of the ring at most: so far lies the first that does not.
        const unhandled = Math.max(busy.count(), released);
        const fresh = 8 * (positions.get(unhandled) ?? consumer.position);
        expect(fresh - begin).toBeLessThanOrEqual(CAPACITY / 8);
        expect(consumer.ended).toBe(false);
      });
    });

    test('stands by with consumerWhenFreeSync: it never had the role', async () => {
      const doing = 'stands by with consumerWhenFreeSync';
      await storm(doing, async (ring, lastsMs) => {
        const consumer = ring.consumer();
        const busy = await startBusy(ring, doing);
        await busy.endAfter(lastsMs, () => {});
        expect(ring.owners()).toEqual([expect.objectContaining({ role: 'consumer', alive: true })]);
        expect(codeOf(() => ring.consumer())).toBe('BUSY');
        consumer.close();
        ring.consumer();
      });
    });
  });
});
