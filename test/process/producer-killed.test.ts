import { describe, expect, test } from 'vitest';
import { producerBooks } from '../helpers/books.js';
import { Checker, NO_FAULTS } from '../helpers/checker.mjs';
import { start } from '../helpers/children.js';
import { createRing } from '../helpers/rings.js';
import { scratchFile } from '../helpers/scratch.js';
import { randomFrom, seedFor } from '../helpers/seed.js';
import { sleep } from '../helpers/time.js';

const KILLS = 48;
const MODES = ['sync', 'try', 'claim', 'batch'];

describe('producers killed at random moments, each followed by a successor', () => {
  test('lose nothing that was acknowledged, and nothing is torn, repeated or out of order', {
    timeout: 120_000,
  }, async () => {
    const random = randomFrom(seedFor('producers killed'));
    const ring = createRing({ capacity: 65_536 });
    const consumer = ring.consumer();
    const checker = new Checker();
    const drain = (): number =>
      consumer.drain((memory, start, end, position) => checker.accept(memory, start, end, position));
    const pump = setInterval(drain, 1);
    let acknowledgedInAll = 0;
    let delivered = 0;
    try {
      for (let id = 1; id <= KILLS; id += 1) {
        const mode = MODES[id % MODES.length] as string;
        const books = scratchFile('books');
        const child = start('producer', { name: ring.name, producer: id, mode, books });
        await child.message('attached');
        await sleep(random() * 40);
        await child.murder();
        drain();
        const { begun, acknowledged } = producerBooks(books);
        const arrived = checker.next(id);
        const report = `${mode}: begun ${begun}, acknowledged ${acknowledged}, arrived ${arrived}`;
        expect(arrived, report).toBeGreaterThanOrEqual(acknowledged);
        expect(arrived, report).toBeLessThanOrEqual(begun);
        // The batches here are known to fit: all of one or nothing.
        if (mode === 'batch') expect([acknowledged, begun], report).toContain(arrived);
        expect(child.complaints).toBe('');
        acknowledgedInAll += acknowledged;
        delivered += arrived;
      }
    } finally {
      clearInterval(pump);
    }
    expect(checker.verdict()).toEqual(NO_FAULTS);
    expect(checker.records).toBe(delivered);
    expect(acknowledgedInAll).toBeGreaterThan(KILLS * 10);
    const stats = ring.stats();
    expect(stats).toMatchObject({ read: delivered, recordsWaiting: 0, abandoned: 0, producers: 0 });
    // The ledger: exact, whatever moment each kill came at.
    expect(stats.written).toBe(delivered);
  });

  test('leave a slot that the next one gets at once', async () => {
    const ring = createRing();
    for (let i = 0; i < 5; i += 1) {
      const child = start('producer', { name: ring.name, producer: i });
      await child.message('attached');
      await child.murder();
      const producer = ring.producer();
      expect(ring.owners().filter(({ alive }) => alive)).toMatchObject([{ pid: process.pid }]);
      producer.close();
    }
  });
});
