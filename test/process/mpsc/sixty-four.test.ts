import { constants, setPriority } from 'node:os';
import { expect, test } from 'vitest';
import { Checker } from '../../helpers/checker.mjs';
import { start } from '../../helpers/children.js';
import { type DeadWriter, expectArrived } from '../../helpers/dead.js';
import { MPSC } from '../../helpers/kinds.js';
import { scratchFile } from '../../helpers/scratch.js';
import { expectSealedOff, readToTheEnd } from '../../helpers/sealed.js';
import { randomFrom, seedFor } from '../../helpers/seed.js';
import { sleep, until } from '../../helpers/time.js';

const PRODUCERS = 64;
const KILLS = 16;
/** Records of each producer that lives on, at least: every one of them gets its turns. */
const RECORDS = 100;
const MODES = ['sync', 'try', 'claim', 'batch'];

test(`${PRODUCERS} producing processes, ${KILLS} of them killed, lose nothing acknowledged and keep each order`, {
  timeout: 120_000,
}, async () => {
  const random = randomFrom(seedFor(`${PRODUCERS} producers`));
  // The smallest ring: it is full all the time, so that most of them wait for room.
  const ring = MPSC.createRing();
  const begin = async (id: number): Promise<DeadWriter> => {
    const [mode, books] = [MODES[id % MODES.length] as string, scratchFile('books')];
    const child = start('producer', { name: ring.name, producer: id, mode, books });
    // All of them together disturb other tests no more than one process does.
    setPriority(child.pid, constants.priority.PRIORITY_LOW);
    await child.message('attached');
    return { id, mode, books, child };
  };
  // Nobody reads yet: who comes first fills the ring and sleeps instead of keeping others from starting.
  const alive = await Promise.all(Array.from({ length: PRODUCERS }, (_, i) => begin(i + 1)));
  expect(ring.stats()).toMatchObject({ producers: PRODUCERS, consumers: 0 });
  expect(new Set(ring.owners().map(({ slot }) => slot)).size).toBe(PRODUCERS);

  const consumer = ring.consumer();
  const checker = new Checker();
  const dead: DeadWriter[] = [];
  const killing = (async () => {
    while (dead.length < KILLS) {
      await sleep(random() * 40);
      const [chosen] = alive.splice(Math.floor(random() * alive.length), 1) as [DeadWriter];
      await chosen.child.murder();
      dead.push(chosen);
    }
    await until(() => alive.every(({ id }) => checker.next(id) >= RECORDS), 'the records of everyone');
    ring.seal();
  })();
  await Promise.all([readToTheEnd(consumer, checker), killing]);

  expect(consumer.ended).toBe('sealed');
  await expectSealedOff(alive, checker);
  expectArrived(dead, (id) => checker.next(id));
  const { records } = checker;
  expect(ring.stats()).toMatchObject({ written: records, read: records, recordsWaiting: 0, producers: 0 });
  expect(ring.stats().abandoned).toBeLessThanOrEqual(KILLS);
  // Every slot is free again: nobody left one behind.
  ring.recover();
  expect(ring.owners()).toMatchObject([{ role: 'consumer', pid: process.pid }]);
});
