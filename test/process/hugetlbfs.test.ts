import { describe, expect, test } from 'vitest';
import { Actor } from '../helpers/actor.js';
import { NO_FAULTS } from '../helpers/checker.mjs';
import { start } from '../helpers/children.js';
import { freePages, HUGE_PAGE, withHugePages } from '../helpers/huge-pages.js';
import { freshName } from '../helpers/scratch.js';
import { until } from '../helpers/time.js';

/** A ring, of whatever kind, that takes one huge page. */
const small = { capacity: 1 << 16 };

describe.each(['spsc', 'mpsc'] as const)('in a hugetlbfs, a ring of kind %s', (kind) => {
  const options = { ...small, kind };

  test('carries records of every size whole, in order and once', async (context) => {
    await withHugePages(context, 2, async (place) => {
      const name = freshName();
      await place.actor(name, options);
      const consumer = start('consumer', { name, producers: [1] }, [], place.wrapper);
      const producer = start('producer', { name, count: 100_000, seal: true }, [], place.wrapper);
      const done = await consumer.message('done');
      await producer.finished();
      await consumer.finished();
      expect(done.verdict).toEqual(NO_FAULTS);
      expect(done).toMatchObject({ records: 100_000, ended: 'sealed' });
    });
  });

  test('survives those who are killed, and says what they left', async (context) => {
    await withHugePages(context, 2, async (place) => {
      const name = freshName();
      const reader = await place.actor(name, options, 'consumer');
      const victim = await place.actor(name, undefined, 'producer');
      await victim.do('write', { records: ['acknowledged'] });
      await victim.do('claim', { text: 'never committed' });
      await victim.child.murder();
      expect((await reader.do('owners')).owners).toMatchObject([{ alive: true }, { alive: false }]);
      expect(await reader.do('recover')).toMatchObject({
        slotsFreed: 1,
        recordsAbandoned: kind === 'mpsc' ? 1 : 0,
      });
      expect((await reader.do('drain')).records).toEqual([[0, 'acknowledged']]);
      const successor = await place.actor(name, undefined, 'producer');
      expect(await successor.do('write', { records: ['next'] })).toMatchObject({ written: 1 });
      await reader.child.murder();
      const heir = await place.actor(name, undefined, 'consumer');
      expect((await heir.do('drain')).records).toMatchObject([[expect.any(Number), 'next']]);
    });
  });

  test('takes a huge page and no more for all who use it, and gives it back', async (context) => {
    await withHugePages(context, 2, async (place) => {
      const name = freshName();
      const free = freePages();
      const actor = await place.actor(name, { ...options, prefault: true }, 'producer', 'consumer');
      const other = await place.actor(name, { prefault: true });
      await actor.do('write', { records: ['x'] });
      expect((await other.do('inspect')).seen).toEqual(['committed']);
      expect(await other.do('hugePages')).toMatchObject({ bytes: HUGE_PAGE });
      expect((await other.do('list')).rings).toMatchObject([{ name, kind, bytes: HUGE_PAGE, alive: 2 }]);
      expect(freePages()).toBe(free - 1);
      // A mapping that were not given up whole would keep its lock.
      for (const role of ['Producer', 'Consumer']) {
        await actor.do(`close${role}`);
        expect(await other.do(role.toLowerCase())).not.toHaveProperty('code');
      }
      expect(await other.do('unlink')).toMatchObject({ removed: true });
      await actor.do('closeRing');
      await other.do('closeRing');
      expect(freePages()).toBe(free);
      expect((await other.do('list')).rings).toEqual([]);
    });
  });
});

test('a ring larger than a huge page lies in as many as it needs', async (context) => {
  await withHugePages(context, 4, async (place) => {
    const free = freePages();
    const actor = await place.actor(freshName(), { kind: 'spsc', capacity: 2 * HUGE_PAGE }, 'producer');
    expect(await actor.do('hugePages')).toMatchObject({ bytes: 3 * HUGE_PAGE });
    expect(freePages()).toBe(free - 3);
    const { written } = await actor.do('fill', { byteLength: 65_528 });
    expect(written).toBe((2 * HUGE_PAGE) / 65_536);
  });
});

test('a temporary ring there goes with its owner, killed or not', async (context) => {
  await withHugePages(context, 2, async (place) => {
    const free = freePages();
    const attached = { ...small, lifetime: 'attached' };
    const [first, second] = [await place.actor(freshName(), attached), freshName()];
    await first.do('closeRing');
    expect(freePages()).toBe(free);
    const victim = await place.actor(second, attached);
    await victim.child.murder();
    expect(freePages()).toBe(free - 1);
    // Takes the place of what is left.
    const heir = await place.actor(second, attached);
    await until(() => freePages() === free - 1, 'one page in use');
    await heir.do('closeRing');
    expect(freePages()).toBe(free);
  });
});

test('a pool that is too small is NO_SPACE when the ring is made, and nothing is taken', async (context) => {
  await withHugePages(context, 2, async (place) => {
    const all = freePages();
    await place.actor(freshName(), small);
    // More than is left, and more than there will ever be.
    for (const capacity of [2 ** Math.ceil(Math.log2(all - 1)) * HUGE_PAGE, 1 << 30]) {
      const actor = new Actor(freshName(), place.wrapper);
      const options = { kind: 'spsc', capacity };
      expect(await actor.do('openOrCreate', { options })).toMatchObject({
        code: 'NO_SPACE',
        message: expect.stringMatching(
          `^/mnt has no room .* ${capacity + HUGE_PAGE} bytes are needed, ${(all - 1) * HUGE_PAGE} are free.* raise vm.nr_hugepages`,
        ),
      });
      expect((await actor.do('list')).rings).toHaveLength(1);
    }
    expect(freePages()).toBe(all - 1);
  });
});
