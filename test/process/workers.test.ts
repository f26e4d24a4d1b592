import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { NO_FAULTS } from '../helpers/checker.mjs';
import { codeOf } from '../helpers/errors.js';
import { eachKind, SPSC } from '../helpers/kinds.js';
import { drainStrings } from '../helpers/rings.js';
import { within } from '../helpers/time.js';

const FIXTURE = new URL('./fixtures/worker-end.mjs', import.meta.url);

function worker(name: string, role: string, more: object = {}): { worker: Worker; answer: Promise<unknown> } {
  const made = new Worker(FIXTURE, { workerData: { name, role, ...more } });
  const answer = within(
    once(made, 'message').then(([message]) => message),
    `an answer of the ${role}`,
  );
  return { worker: made, answer };
}

eachKind(({ kind, capacity, createRing }) => {
  describe('worker threads', () => {
    test('of one process can be both ends: order, content and count', async () => {
      const { name } = createRing({ capacity: 4 * capacity });
      const count = 200_000;
      const consumer = worker(name, 'consumer');
      const producer = worker(name, 'producer', { count, longest: 512 });
      expect(await consumer.answer).toEqual({ verdict: NO_FAULTS, next: count, ended: 'sealed' });
      expect(await producer.answer).toEqual({ written: count });
      await Promise.all([consumer, producer].map((end) => end.worker.terminate()));
    });

    test.each(['hold', 'leave'])(
      'that end by themselves or are terminated give back what they held: %s',
      async (role) => {
        const ring = createRing();
        const holder = worker(ring.name, role);
        expect(await holder.answer).toBe('holding');
        if (role === 'hold') expect(codeOf(() => ring.consumer())).toBe('BUSY');
        await holder.worker.terminate();
        const producer = ring.producer();
        const consumer = ring.consumer();
        producer.tryWrite('next');
        expect(drainStrings(consumer)).toEqual(['committed', 'next']);
        const abandoned = kind === 'mpsc' ? 1 : 0;
        expect(ring.stats()).toMatchObject({ written: 2, read: 2, abandoned });
      },
    );

    test('that load the package first and alone can come and go again and again', async () => {
      const { name } = createRing();
      for (let i = 0; i < 10; i += 1) {
        const passing = worker(name, 'try');
        await passing.answer;
        await passing.worker.terminate();
      }
    });
  });
});

describe('worker threads at an spsc ring', () => {
  test('find the ends BUSY that another thread of the process holds', async () => {
    const ring = SPSC.createRing();
    const producer = ring.producer();
    const consumer = ring.consumer();
    const busy = worker(ring.name, 'try');
    expect(await busy.answer).toEqual({ codes: ['BUSY', 'BUSY'] });
    await busy.worker.terminate();
    // Neither the refusal nor the end of that thread has freed them.
    expect(codeOf(() => ring.producer())).toBe('BUSY');
    producer.close();
    consumer.close();
    const free = worker(ring.name, 'try');
    expect(await free.answer).toEqual({ codes: [null, null].map(() => undefined) });
    await free.worker.terminate();
  });
});
