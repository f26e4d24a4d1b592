import { describe, expect, test } from 'vitest';
import { NO_FAULTS } from '../helpers/checker.mjs';
import { start } from '../helpers/children.js';
import { eachKind } from '../helpers/kinds.js';

eachKind(({ kind, createRing }) => {
  const CAPACITY = 65_536;

  interface Stream {
    write: string;
    read: string;
    count: number;
    /** So many times at least the stream must go round the ring. */
    laps: number;
  }

  async function arrivesWhole({ write, read, count, laps }: Stream): Promise<void> {
    const { name } = createRing({ capacity: CAPACITY });
    const consumer = start('consumer', { name, mode: read, producers: [1] });
    const producer = start('producer', { name, mode: write, count, seal: true });
    const done = await consumer.message('done', 100_000);
    await producer.finished();
    await consumer.finished();
    expect(done.verdict).toEqual(NO_FAULTS);
    expect(done).toMatchObject({ records: count, next: [count], ended: 'sealed' });
    expect(done.bytes / CAPACITY).toBeGreaterThan(laps);
    expect(done.stats).toMatchObject({ written: count, read: count, recordsWaiting: 0, bytesWaiting: 0 });
  }

  describe('records of varying size, through a ring that wraps again and again', () => {
    const millions = kind === 'spsc' ? 3 : 1;
    test(
      `arrive whole, in order and once: ${millions},000,000 single writes, drained`,
      {
        timeout: 120_000,
      },
      () =>
        arrivesWhole({
          write: 'sync',
          read: 'drainSync',
          count: millions * 1_000_000,
          laps: millions * 1000,
        }),
    );

    test.each([
      ['batch', 'peek'],
      ['claim', 'read'],
      ['try', 'drain'],
      ['sync', 'iterate'],
    ])('arrive whole, in order and once: 200,000 by %s, read by %s', { timeout: 120_000 }, (write, read) =>
      arrivesWhole({ write, read, count: 200_000, laps: 200 }),
    );
  });
});
