import { Worker } from 'node:worker_threads';
import type { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { start } from '../helpers/children.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings } from '../helpers/rings.js';
import { within } from '../helpers/time.js';

eachKind(({ kind, createRing }) => {
  const FIXTURE = new URL('./fixtures/unclosed.mjs', import.meta.url);

  /** How to end: with which exit code, and how many of five records were released before. */
  const ENDS = [
    ['runs out of work', 0, 1],
    ['calls process.exit', 0, 1],
    ['calls process.exit in a handler', 0, 1],
    ['throws', 1, 1],
    // Those before the throw: 0 to 2.
    ['throws in a handler', 1, 3],
  ] as const;

  function expectAsAfterAKill(ring: Ring, released: number): void {
    expect(ring.owners().map(({ role, alive }) => ({ role, alive }))).toEqual([
      { role: 'consumer', alive: false },
      { role: 'producer', alive: false },
    ]);
    const consumer = ring.consumer({ endWhen: 'no-producers' });
    const records = ['0', '1', '2', '3', '4'];
    expect(drainStrings(consumer)).toEqual(records.slice(released));
    // The open claim: of an spsc ring it never was visible.
    const abandoned = kind === 'mpsc' ? 1 : 0;
    expect(consumer.ended).toBe('producer-died');
    expect(ring.stats()).toMatchObject({ written: 5, read: 5, aborted: 0, abandoned });
    expect(ring.producer().tryWrite('next')).toBe(true);
    expect(consumer.tryRead()?.toString()).toBe('next');
  }

  describe('who ends without close leaves a ring as a kill would: a process that', () => {
    test.each(ENDS)('%s', async (how, code, released) => {
      const ring = createRing();
      const child = start('unclosed', { name: ring.name, how });
      expect(await within(child.exited, 'the end of a child')).toEqual({ code, signal: null });
      expectAsAfterAKill(ring, released);
    });
  });

  describe('who ends without close leaves a ring as a kill would: a Worker that', () => {
    test.each(ENDS)('%s', async (how, code, released) => {
      const ring = createRing();
      const worker = new Worker(FIXTURE, { workerData: { name: ring.name, how } });
      const errors: unknown[] = [];
      worker.on('error', (error) => errors.push(error));
      const exit = new Promise((resolve) => worker.once('exit', resolve));
      expect(await within(exit, 'the end of a Worker')).toBe(code);
      expect(errors).toHaveLength(code);
      expectAsAfterAKill(ring, released);
    });
  });

  describe('process.exit of the main thread ends the process while a Worker is blocked', () => {
    test.each(['waitSync', 'drainSync', 'consumerWhenFreeSync', 'writeSync', 'waitForRoomSync'])(
      'in %s',
      async (how) => {
        const ring = createRing();
        const consumer = how === 'consumerWhenFreeSync' ? ring.consumer() : undefined;
        const child = start('unclosed', { name: ring.name, how });
        expect(await within(child.exited, 'the end of a child')).toEqual({ code: 7, signal: null });
        consumer?.close();
        ring.producer();
        ring.consumer();
      },
    );
  });
});
