import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Actor, actorAt } from '../helpers/actor.js';
import { codeOf } from '../helpers/errors.js';
import { createRing, drainStrings, fillUp } from '../helpers/rings.js';
import { until } from '../helpers/time.js';

const NOTHING = { slotsFreed: 0, recordsAbandoned: 0, bytesAbandoned: 0 };

async function stop({ child, pid }: Actor): Promise<void> {
  child.kill('SIGSTOP');
  const state = (): string | undefined => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
  await until(() => state() === 'T', 'the stop');
}

describe('a stopped process', () => {
  test('in the middle of a claim stays the producer for seconds, and goes on afterwards', async () => {
    const ring = createRing();
    const consumer = ring.consumer({ endWhen: 'no-producers' });
    const actor = await actorAt(ring.name, 'producer');
    await actor.do('write', { records: ['before'] });
    await actor.do('claim', { text: 'in the middle' });
    await stop(actor);
    expect(consumer.tryRead()?.toString()).toBe('before');
    const resumeAt = performance.now() + 2500;
    while (performance.now() < resumeAt) {
      expect(codeOf(() => ring.producer())).toBe('BUSY');
      expect(ring.recover()).toEqual(NOTHING);
      expect(ring.owners().find(({ role }) => role === 'producer')).toMatchObject({
        alive: true,
        pid: actor.pid,
        holds: { position: 2 },
      });
      expect(consumer.waitSync({ timeoutMs: 400 })).toBe('timeout');
      expect(consumer.ended).toBe(false);
    }
    actor.child.kill('SIGCONT');
    expect(await actor.do('commit')).not.toHaveProperty('code');
    expect(consumer.waitSync({ timeoutMs: 5000 })).toBe('ready');
    expect(drainStrings(consumer)).toEqual(['in the middle']);
  });

  test('that is the consumer stays it for seconds, and goes on afterwards', async () => {
    const ring = createRing();
    const producer = ring.producer();
    const actor = await actorAt(ring.name, 'consumer');
    producer.tryWrite('first');
    await actor.do('peek', { limit: 1 });
    await stop(actor);
    const count = fillUp(producer);
    const standby = ring.consumerWhenFree({ timeoutMs: 2500 });
    expect(ring.consumerWhenFreeSync({ timeoutMs: 300 })).toBeUndefined();
    expect(producer.writeSync('x', { requireConsumer: true, timeoutMs: 500 })).toBe(false);
    const write = producer.write('x', { requireConsumer: true, timeoutMs: 1500 });
    const resumeAt = performance.now() + 2500;
    while (performance.now() < resumeAt) {
      expect(codeOf(() => ring.consumer())).toBe('BUSY');
      expect(ring.recover()).toEqual(NOTHING);
      expect(producer.consumerAlive()).toBe(true);
      expect(ring.owners().find(({ role }) => role === 'consumer')).toMatchObject({
        alive: true,
        pid: actor.pid,
      });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(await write).toBe(false);
    expect(await standby).toBeUndefined();
    actor.child.kill('SIGCONT');
    await actor.do('dispose');
    const { records } = await actor.do('drain');
    expect(records[0]).toEqual([0, 'first']);
    expect(records).toHaveLength(count + 1);
    expect(producer.tryWrite('room again')).toBe(true);
  });

  test('that was asleep in a wait for seconds still hears of the next record', async () => {
    const ring = createRing();
    const producer = ring.producer();
    const actor = await actorAt(ring.name, 'consumer');
    await actor.begin('waitSync');
    await stop(actor);
    producer.tryWrite('x');
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(codeOf(() => ring.consumer())).toBe('BUSY');
    actor.child.kill('SIGCONT');
    expect(await actor.result()).toMatchObject({ result: 'ready' });
  });
});
