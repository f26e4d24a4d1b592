import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { actorAt } from '../../helpers/actor.js';
import { MPSC } from '../../helpers/kinds.js';
import { closing, drainStrings } from '../../helpers/rings.js';

const { createRing, kind, capacity } = MPSC;

describe('a ring whose name is removed and given to another while processes use it', () => {
  test('stays whole for those who are attached, who learn of it and can go over to the new one', async () => {
    const old = createRing();
    const consumer = old.consumer();
    const writers = await Promise.all([1, 2, 3].map(() => actorAt(old.name, 'producer')));
    const [first, second, third] = writers as [(typeof writers)[0], (typeof writers)[0], (typeof writers)[0]];
    for (const writer of writers) expect(await writer.do('stale')).toMatchObject({ stale: false });
    await first.do('write', { records: ['before'] });
    await third.do('claim', { text: 'claimed before' });

    expect(Ring.unlink(old.name)).toBe(true);
    const successor = closing(Ring.create(old.name, { kind, capacity }));
    const reader = successor.consumer();
    for (const writer of writers) expect(await writer.do('stale')).toMatchObject({ stale: true });
    expect([old.stale, successor.stale]).toEqual([true, false]);

    // What they have goes on as it was.
    await third.do('commit');
    expect(await second.do('write', { records: ['after'] })).toMatchObject({ written: 1 });
    expect(drainStrings(consumer)).toEqual(['before', 'claimed before', 'after']);
    expect(old.stats()).toMatchObject({ producers: 3, consumers: 1 });
    expect(successor.stats()).toMatchObject({ written: 0, producers: 0 });

    // One goes over, one dies: each only in the ring where it was.
    expect(await first.do('open')).toMatchObject({ id: successor.id });
    expect(await first.do('stale')).toMatchObject({ stale: false });
    await first.do('producer');
    await first.do('write', { records: ['to the new one'] });
    expect(drainStrings(reader)).toEqual(['to the new one']);
    await second.do('claim', { text: 'never' });
    await second.child.murder();
    expect(successor.recover().slotsFreed).toBe(0);
    expect(old.recover()).toMatchObject({ slotsFreed: 1, recordsAbandoned: 1 });
    await third.do('write', { records: ['still here'] });
    expect(drainStrings(consumer)).toEqual(['still here']);
    expect(old.unlink()).toBe(false);
    expect(closing(Ring.open(old.name)).id).toBe(successor.id);
  });
});
