import { describe, expect, test } from 'vitest';
import { Checker, NO_FAULTS } from '../../helpers/checker.mjs';
import { start } from '../../helpers/children.js';
import { type DeadWriter, expectArrived } from '../../helpers/dead.js';
import { createRing } from '../../helpers/rings.js';
import { scratchFile } from '../../helpers/scratch.js';
import { randomFrom, seedFor } from '../../helpers/seed.js';
import { sleep, until } from '../../helpers/time.js';

const AT_ONCE = 4;
const KILLS = 40;
const MODES = ['sync', 'try', 'claim', 'batch'];

describe('waves of producers killed while others write', () => {
  test('lose nothing acknowledged, repeat and tear nothing, and keep each order', {
    timeout: 180_000,
  }, async () => {
    const random = randomFrom(seedFor('waves of producers killed'));
    const ring = createRing({ kind: 'mpsc', capacity: 65_536 });
    const consumer = ring.consumer();
    const checker = new Checker();
    const pump = setInterval(() => {
      consumer.drain((memory, start, end, position) => checker.accept(memory, start, end, position));
    }, 1);
    let ids = 0;
    const begin = async (): Promise<DeadWriter> => {
      ids += 1;
      const [id, mode, books] = [ids, MODES[ids % MODES.length] as string, scratchFile('books')];
      const child = start('producer', { name: ring.name, producer: id, mode, books });
      await child.message('attached');
      return { id, mode, books, child };
    };
    const writers = await Promise.all(Array.from({ length: AT_ONCE }, begin));
    const dead: DeadWriter[] = [];
    const kill = async (writer: DeadWriter): Promise<void> => {
      await writer.child.murder();
      dead.push(writer);
    };
    try {
      for (let kills = AT_ONCE; kills < KILLS; kills += 1) {
        await sleep(random() * 20);
        const chosen = Math.floor(random() * AT_ONCE);
        // The others go on while the next one starts.
        const [next] = await Promise.all([begin(), kill(writers[chosen] as DeadWriter)]);
        writers[chosen] = next;
      }
      // The last ones all at once.
      await Promise.all(writers.map(kill));
      await until(() => ring.stats().bytesWaiting === 0, 'everything is read');
    } finally {
      clearInterval(pump);
    }

    const { acknowledged: kept, arrived: delivered } = expectArrived(dead, (id) => checker.next(id));
    expect(dead).toHaveLength(KILLS);
    expect(checker.verdict()).toEqual(NO_FAULTS);
    expect(checker.records).toBe(delivered);
    expect(kept).toBeGreaterThan(KILLS * 10);
    const stats = ring.stats();
    expect(stats).toMatchObject({ written: delivered, read: delivered, recordsWaiting: 0, producers: 0 });
    expect(stats.abandoned).toBeLessThanOrEqual(KILLS);
    // Every slot is free again: nobody left one behind.
    ring.recover();
    expect(ring.owners()).toMatchObject([{ role: 'consumer', pid: process.pid }]);
  });
});
