import { describe, expect, test } from 'vitest';
import { type Actor, actorAt } from '../helpers/actor.js';
import { codeOf } from '../helpers/errors.js';
import { eachKind, SPSC } from '../helpers/kinds.js';
import { drainStrings } from '../helpers/rings.js';
import { isPending, sleep, within } from '../helpers/time.js';

eachKind(({ createRing }) => {
  describe('a standby consumer', () => {
    test('takes over when the living one is killed, where that one had released', async () => {
      const ring = createRing();
      const producer = ring.producer();
      const living = await actorAt(ring.name, 'consumer');
      producer.tryWriteBatch(['1', '2', '3']);
      const standby = ring.consumerWhenFree();
      await living.do('drain', { limit: 1 });
      expect(await isPending(standby, 500)).toBe(true);
      await living.child.murder();
      const consumer = await within(standby, 'the take-over', 5000);
      expect(consumer && drainStrings(consumer)).toEqual(['2', '3']);
    });

    test('that blocks its thread takes over when the living one is killed', async () => {
      const ring = createRing();
      const consumer = await actorAt(ring.name, 'consumer');
      const standby = await actorAt(ring.name);
      await standby.begin('standbySync');
      await sleep(300);
      await consumer.child.murder();
      expect(await standby.result(5000)).toMatchObject({ attached: true, position: 0 });
      expect(ring.owners().filter(({ alive }) => alive)).toMatchObject([{ pid: standby.pid }]);
    });

    test('among several is the only one that takes over; the next follows it', async () => {
      const ring = createRing();
      const consumer = await actorAt(ring.name, 'consumer');
      const waiting = new Map<number, Promise<Actor>>();
      for (const call of ['standbySync', 'standby', 'standbySync']) {
        const actor = await actorAt(ring.name);
        await actor.begin(call);
        waiting.set(
          actor.pid,
          actor.result().then(({ attached }) => {
            expect(attached).toBe(true);
            return actor;
          }),
        );
      }
      let last = consumer;
      while (waiting.size > 0) {
        await last.child.murder();
        last = await within(Promise.race(waiting.values()), 'a take-over', 5000);
        waiting.delete(last.pid);
        expect(ring.owners().filter(({ alive }) => alive)).toMatchObject([{ pid: last.pid }]);
      }
    });
  });
});

describe('a second end of an spsc ring in another process', () => {
  test('is BUSY for producer and consumer, both ways, until the first closes', async () => {
    const ring = SPSC.createRing();
    const there = await actorAt(ring.name, 'producer');
    const consumer = ring.consumer();
    expect(codeOf(() => ring.producer())).toBe('BUSY');
    expect(await there.do('consumer')).toMatchObject({ code: 'BUSY' });
    await there.do('closeProducer');
    consumer.close();
    const producer = ring.producer();
    expect(await there.do('producer')).toMatchObject({ code: 'BUSY' });
    expect(await there.do('consumer')).not.toHaveProperty('code');
    producer.tryWrite('x');
    expect((await there.do('drain')).records).toEqual([[0, 'x']]);
  });

  test('is told who is in the way', async () => {
    const ring = SPSC.createRing();
    const there = await actorAt(ring.name, 'producer');
    expect(() => ring.producer()).toThrow(new RegExp(`\\b${there.pid}\\b`));
  });
});
