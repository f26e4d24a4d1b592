import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { Actor } from '../helpers/actor.js';
import { directory, freshName } from '../helpers/scratch.js';

describe('processes that race to create one ring', () => {
  test('all get the same segment, and nothing else is left behind', async () => {
    const actors = Array.from({ length: 8 }, () => new Actor('raced'));
    await Promise.all(actors.map(({ child }) => child.message('attached')));
    for (let round = 0; round < 5; round += 1) {
      Ring.unlink('raced');
      const options = { kind: 'spsc', capacity: 1 << 20 };
      const results = await Promise.all(actors.map((actor) => actor.do('openOrCreate', { options })));
      expect(results.map(({ code }) => code)).toEqual(results.map(() => undefined));
      expect(new Set(results.map(({ id }) => id)).size).toBe(1);
      expect(Ring.list({ directory })).toMatchObject([{ name: 'raced', id: results[0]?.id }]);
    }
    Ring.unlink('raced');
  });
});

describe("a ring of lifetime 'attached' whose users were all killed", () => {
  test('gives its name to the next that creates', async () => {
    const name = freshName();
    const actor = new Actor(name);
    const options = { kind: 'spsc', capacity: 4096, lifetime: 'attached' } as const;
    const { id } = await actor.do('openOrCreate', { options });
    await actor.do('producer');
    await actor.do('write', { records: ['never read'] });
    await actor.child.murder();
    using ring = Ring.create(name, options);
    expect(ring.id).not.toBe(id);
    expect(ring.stats()).toMatchObject({ written: 0, recordsWaiting: 0 });
  });

  test('keeps its name as long as one of them lives', async () => {
    const name = freshName();
    const options = { kind: 'spsc', capacity: 4096, lifetime: 'attached' } as const;
    const killed = new Actor(name);
    const living = new Actor(name);
    const { id } = await killed.do('openOrCreate', { options });
    await living.do('openOrCreate', { options });
    await killed.child.murder();
    expect(() => Ring.create(name, options)).toThrow(expect.objectContaining({ code: 'ERR_SHMRING_EXISTS' }));
    using ring = Ring.open(name);
    expect(ring.id).toBe(id);
  });
});
