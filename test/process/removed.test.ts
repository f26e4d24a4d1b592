import { rmSync } from 'node:fs';
import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { actorAt } from '../helpers/actor.js';
import { closing, createRing, drainStrings, fillUp } from '../helpers/rings.js';
import { fileOf } from '../helpers/scratch.js';
import { isPending } from '../helpers/time.js';

/** As systemd does with a user's files at logout, and `rm` at any time. */
function remove(ring: Ring): void {
  rmSync(fileOf(ring.name));
}

describe('a ring whose file is removed under use', () => {
  test('is stale in every process at once, and its records still arrive', async () => {
    const ring = createRing();
    const reader = await actorAt(ring.name, 'consumer');
    const producer = ring.producer();
    await reader.begin('waitSync');
    expect(ring.stale).toBe(false);
    remove(ring);
    expect(ring.stale).toBe(true);
    producer.tryWrite('x');
    expect(await reader.result()).toMatchObject({ result: 'ready' });
    expect(await reader.do('stale')).toMatchObject({ stale: true });
    expect((await reader.do('drain')).records).toEqual([[0, 'x']]);
    expect(ring.unlink()).toBe(false);
  });

  test('ends for a reader that was asleep in it when the last producer dies', async () => {
    const ring = createRing();
    const writer = await actorAt(ring.name, 'producer');
    const reader = await actorAt(ring.name);
    await reader.do('consumer', { options: { endWhen: 'no-producers' } });
    await reader.begin('waitSync');
    remove(ring);
    await writer.child.murder();
    expect(await reader.result()).toMatchObject({ result: 'ended', ended: 'producer-died' });
  });

  test('refuses a writer that was asleep in it when its consumer dies', async () => {
    const ring = createRing();
    const writer = await actorAt(ring.name, 'producer');
    const reader = await actorAt(ring.name, 'consumer');
    await writer.do('fill', { byteLength: 100 });
    const write = { record: 'x'.repeat(100), options: { requireConsumer: true } };
    await writer.begin('writeSync', write);
    remove(ring);
    await reader.child.murder();
    expect(await writer.result()).toMatchObject({ code: 'NO_CONSUMER' });
  });

  test('keeps apart from its successor, whoever waits where', async () => {
    const ring = createRing();
    const reader = await actorAt(ring.name, 'consumer');
    const producer = ring.producer();
    remove(ring);
    const successor = closing(Ring.create(ring.name, { kind: 'spsc', capacity: 4096 }));
    const consumer = successor.consumer();
    const wait = consumer.wait();
    fillUp(producer);
    expect(await isPending(wait)).toBe(true);
    const writer = await actorAt(ring.name, 'producer');
    await writer.do('write', { records: ['new'] });
    expect(await wait).toBe('ready');
    expect(drainStrings(consumer)).toEqual(['new']);
    expect((await reader.do('drain')).records.length).toBeGreaterThan(1);
    expect([ring.stale, successor.stale]).toEqual([true, false]);
    expect(ring.unlink()).toBe(false);
    expect(successor.unlink()).toBe(true);
  });
});
