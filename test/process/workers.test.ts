import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
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

    test('are each an owner of their own: chains of rings from Worker to Worker', async () => {
      const count = 5000;
      const names = Array.from({ length: 4 }, () => createRing({ capacity: 4 * capacity }).name);
      const links = names.slice(1).map((to, i) => worker(names[i] as string, 'forward', { to }));
      const last = worker(names.at(-1) as string, 'consumer');
      const first = worker(names[0] as string, 'producer', { count, longest: 512 });
      expect(await last.answer).toEqual({ verdict: NO_FAULTS, next: count, ended: 'sealed' });
      for (const link of links) expect(await link.answer).toEqual({ forwarded: count });
      await Promise.all([first, ...links, last].map((end) => end.worker.terminate()));
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

  test('that all want one ring: one has each end, whoever it is, and the others take over in turn', async () => {
    const { name } = SPSC.createRing();
    const many = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const one = worker(name, 'takeBoth');
        return { ...one, codes: (await one.answer) as { producer?: string; consumer?: string } };
      }),
    );
    const took = (end: 'producer' | 'consumer') => many.filter(({ codes }) => codes[end] === 'none');
    const refused = (end: 'producer' | 'consumer') => many.filter(({ codes }) => codes[end] === 'BUSY');
    expect([took('producer').length, refused('producer').length]).toEqual([1, 5]);
    expect([took('consumer').length, refused('consumer').length]).toEqual([1, 5]);
    // The end of those who have nothing frees nothing.
    const holders = new Set([...took('producer'), ...took('consumer')]);
    for (const one of many) if (!holders.has(one)) await one.worker.terminate();
    const late = worker(name, 'takeBoth');
    expect(await late.answer).toEqual({ producer: 'BUSY', consumer: 'BUSY' });
    await late.worker.terminate();
    for (const one of holders) await one.worker.terminate();
    const heir = worker(name, 'takeBoth');
    expect(await heir.answer).toEqual({ producer: 'none', consumer: 'none' });
    await heir.worker.terminate();
  });
});

describe('worker threads', () => {
  test('that load the package first and alone can come and go again and again', () => {
    const program = fileURLToPath(new URL('../runtimes/cases/load-unload.mjs', import.meta.url));
    const { status, signal, stderr } = spawnSync(process.execPath, [program, '60'], { encoding: 'utf8' });
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  });
});
