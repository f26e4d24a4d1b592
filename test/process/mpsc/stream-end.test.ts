import { describe, expect, test } from 'vitest';
import { actorAt } from '../../helpers/actor.js';
import { Checker } from '../../helpers/checker.mjs';
import { start } from '../../helpers/children.js';
import { MPSC } from '../../helpers/kinds.js';
import { drainStrings } from '../../helpers/rings.js';
import { scratchFile } from '../../helpers/scratch.js';
import { expectSealedOff, readToTheEnd } from '../../helpers/sealed.js';
import { isPending, PATIENCE_MS, sleep, within } from '../../helpers/time.js';

const { createRing } = MPSC;

describe("a stream of several producers that ends when there are 'no-producers'", () => {
  type Leaves = 'closes' | 'dies' | 'dies in a claim';
  const ORDERS: [first: Leaves, last: Leaves, ended: string][] = [
    ['closes', 'closes', 'no-producers'],
    ['dies', 'closes', 'no-producers'],
    ['dies in a claim', 'closes', 'no-producers'],
    ['closes', 'dies', 'producer-died'],
    ['closes', 'dies in a claim', 'producer-died'],
    ['dies in a claim', 'dies in a claim', 'producer-died'],
  ];
  test.each(ORDERS)('of whom one %s, then the last one %s, ends by %s', async (first, last, ended) => {
    const ring = createRing();
    const consumer = ring.consumer({ endWhen: 'no-producers' });
    const actors = [await actorAt(ring.name, 'producer'), await actorAt(ring.name, 'producer')];
    const leave = async (how: Leaves, actor = actors.shift()): Promise<void> => {
      await actor?.do('write', { records: [how] });
      if (how === 'dies in a claim') await actor?.do('claim', { text: 'never' });
      if (how === 'closes') await actor?.do('closeProducer');
      await actor?.child.murder();
    };
    await leave(first);
    expect(consumer.waitSync({ timeoutMs: PATIENCE_MS })).toBe('ready');
    expect(drainStrings(consumer)).toEqual([first]);
    const waiting = consumer.wait();
    expect(await isPending(waiting, 250)).toBe(true);
    expect(consumer.ended).toBe(false);
    await leave(last);
    expect(await within(waiting, 'the last record')).toBe('ready');
    // What others recover meanwhile does not make it forgotten how the last one ended.
    ring.recover();
    expect(consumer.ended).toBe(false);
    expect(drainStrings(consumer)).toEqual([last]);
    expect(await within(consumer.wait(), 'the end')).toBe('ended');
    expect(consumer.ended).toBe(ended);
    const abandoned = [first, last].filter((how) => how === 'dies in a claim').length;
    expect(ring.stats()).toMatchObject({ written: 2, read: 2, abandoned, producers: 0 });
  });

  test('is not begun by the dead of an earlier run, nor by who recovers them', async () => {
    const ring = createRing();
    const dead = await actorAt(ring.name, 'producer');
    await dead.child.murder();
    const consumer = ring.consumer({ endWhen: 'no-producers' });
    expect(consumer.ended).toBe(false);
    expect(ring.recover().slotsFreed).toBe(1);
    expect(consumer.ended).toBe(false);
    const next = await actorAt(ring.name, 'producer');
    await next.do('closeProducer');
    // Another death, of an earlier run, does not count.
    expect(consumer.ended).toBe('no-producers');
  });

  test('has begun with what the dead of an earlier run have left to read', async () => {
    const ring = createRing();
    const dead = await actorAt(ring.name, 'producer');
    await dead.do('write', { records: ['left'] });
    await dead.child.murder();
    const consumer = ring.consumer({ endWhen: 'no-producers' });
    expect(drainStrings(consumer)).toEqual(['left']);
    expect(consumer.ended).toBe('producer-died');
  });

  test('goes on when a successor comes, in the slot of a dead one', async () => {
    const ring = createRing();
    const consumer = ring.consumer({ endWhen: 'no-producers' });
    const first = await actorAt(ring.name, 'producer');
    await first.child.murder();
    expect(consumer.ended).toBe('producer-died');
    const producer = ring.producer();
    expect(consumer.ended).toBe(false);
    producer.close();
    expect(consumer.ended).toBe('no-producers');
  });
});

describe('a ring that is sealed while several are inside writes', () => {
  test('ends when the last of them has committed, aborted or died, and not before', async () => {
    const ring = createRing();
    const consumer = ring.consumer();
    const [commits, dies, aborts, idle] = await Promise.all(
      [1, 2, 3, 4].map(() => actorAt(ring.name, 'producer')),
    );
    for (const actor of [commits, dies, aborts]) await actor?.do('claim', { text: 'claimed' });
    ring.seal();
    expect(await idle?.do('write', { records: ['late'] })).toMatchObject({ code: 'SEALED' });
    expect(await idle?.do('claim', { text: 'late' })).toMatchObject({ code: 'SEALED' });
    expect(consumer.waitSync({ timeoutMs: 250 })).toBe('timeout');
    const ending = consumer.wait();
    await dies?.child.murder();
    expect(await isPending(ending, 250)).toBe(true);
    await aborts?.do('closeProducer');
    expect(await isPending(ending, 250)).toBe(true);
    expect(consumer.ended).toBe(false);
    await commits?.do('commit');
    expect(await within(ending, 'the record')).toBe('ready');
    expect(consumer.ended).toBe(false);
    expect(drainStrings(consumer)).toEqual(['claimed']);
    expect(await within(consumer.wait(), 'the end')).toBe('ended');
    expect(consumer.ended).toBe('sealed');
    expect(ring.stats()).toMatchObject({ written: 1, read: 1, abandoned: 1, aborted: 1 });
  });

  test('at random moments delivers everything that was acknowledged before it ends', async () => {
    for (let round = 0; round < 4; round += 1) {
      const ring = createRing();
      const consumer = ring.consumer();
      const checker = new Checker();
      const writers = ['sync', 'claim', 'batch'].map((mode, i) => {
        const books = scratchFile('books');
        return {
          id: i + 1,
          books,
          child: start('producer', { name: ring.name, producer: i + 1, mode, books }),
        };
      });
      await Promise.all(writers.map(({ child }) => child.message('attached')));
      const sealing = sleep(20 + 30 * round).then(() => ring.seal());
      await readToTheEnd(consumer, checker);
      await sealing;
      expect(consumer.ended).toBe('sealed');
      await expectSealedOff(writers, checker);
      expect(ring.stats()).toMatchObject({ written: checker.records, read: checker.records, abandoned: 0 });
    }
  });
});
