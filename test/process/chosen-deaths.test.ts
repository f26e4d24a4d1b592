import { describe, expect, test } from 'vitest';
import { type Actor, actorAt } from '../helpers/actor.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings } from '../helpers/rings.js';
import { PATIENCE_MS, within } from '../helpers/time.js';

eachKind(({ kind, capacity, createRing }) => {
  /** Lets the actor do something that ends with its own SIGKILL. */
  async function dies(actor: Actor, act = 'die', details: object = {}): Promise<void> {
    await actor.begin(act, details);
    expect(await within(actor.child.exited, 'its death')).toEqual({ code: null, signal: 'SIGKILL' });
  }

  describe('a producer that dies', () => {
    test('after tryWrite has lost nothing', async () => {
      const ring = createRing();
      const actor = await actorAt(ring.name, 'producer');
      expect(await actor.do('write', { records: ['1', '2', '3'] })).toMatchObject({ written: 3 });
      await dies(actor);
      expect(drainStrings(ring.consumer())).toEqual(['1', '2', '3']);
      expect(ring.stats()).toMatchObject({ written: 3, read: 3 });
    });

    test('after tryWriteBatch has lost nothing', async () => {
      const ring = createRing();
      const actor = await actorAt(ring.name, 'producer');
      expect(await actor.do('writeBatch', { records: ['1', '2', '3'] })).toMatchObject({ written: 3 });
      await dies(actor);
      expect(drainStrings(ring.consumer())).toEqual(['1', '2', '3']);
    });

    test('inside a claim leaves nothing of it, and its successor goes on', async () => {
      const ring = createRing();
      const actor = await actorAt(ring.name, 'producer');
      await actor.do('write', { records: ['before'] });
      await actor.do('claim', { text: 'half written', byteLength: 3000 });
      await dies(actor);
      const consumer = ring.consumer();
      expect(drainStrings(consumer)).toEqual(['before']);
      const producer = ring.producer();
      expect(producer.tryWrite('after')).toBe(true);
      expect(consumer.waitSync({ timeoutMs: PATIENCE_MS })).toBe('ready');
      expect(drainStrings(consumer)).toEqual(['after']);
      // In an spsc ring the successor writes in its place.
      const abandoned = kind === 'mpsc' ? 1 : 0;
      expect(ring.stats()).toMatchObject({ written: 2, read: 2, abandoned, aborted: 0 });
      ring.recover();
      expect(ring.owners().every(({ alive }) => alive)).toBe(true);
    });

    test('inside a claim behind padding leaves a ring that takes the largest record', async () => {
      const ring = createRing();
      const consumer = ring.consumer();
      const actor = await actorAt(ring.name, 'producer');
      const records = [capacity / 2, capacity / 4].map((bytes) => 'x'.repeat(bytes - 8));
      expect(await actor.do('write', { records })).toMatchObject({ written: 2 });
      expect(drainStrings(consumer)).toEqual(records);
      expect(await actor.do('claim', { byteLength: (capacity / 8) * 3 })).toMatchObject({ offset: 8 });
      await dies(actor);
      expect(consumer.waitSync({ timeoutMs: 20 })).toBe('timeout');
      const producer = ring.producer();
      const largest = Buffer.alloc(ring.maxRecord, 1);
      if (!producer.tryWrite(largest)) {
        expect(consumer.tryRead()).toBeUndefined();
        expect(producer.tryWrite(largest)).toBe(true);
      }
      expect(consumer.tryRead()).toEqual(largest);
    });

    test('with a full ring leaves it to the consumer as it is', async () => {
      const ring = createRing();
      const actor = await actorAt(ring.name, 'producer');
      const { written } = await actor.do('fill', { byteLength: 56 });
      await actor.begin('writeSync', { record: 'never' });
      await actor.child.murder();
      const successor = ring.producer();
      expect(successor.tryWrite('x')).toBe(false);
      expect(drainStrings(ring.consumer())).toHaveLength(written);
      expect(successor.tryWrite('x')).toBe(true);
    });

    test('is listed as dead until somebody takes its slot or recover() frees it', async () => {
      const ring = createRing();
      const actor = await actorAt(ring.name, 'producer', 'consumer');
      expect(ring.owners().map(({ alive, pid, label }) => [alive, pid, label])).toEqual([
        [true, actor.pid, 'actor'],
        [true, actor.pid, 'actor'],
      ]);
      await dies(actor);
      expect(ring.owners().filter(({ alive }) => alive)).toEqual([]);
      expect(ring.stats()).toMatchObject({ producers: 0, consumers: 0 });
      const dead = ring.owners().length;
      expect(ring.recover()).toEqual({ slotsFreed: dead, recordsAbandoned: 0, bytesAbandoned: 0 });
      expect(ring.recover().slotsFreed).toBe(0);
      expect(ring.owners()).toEqual([]);
    });
  });

  describe('a consumer that dies', () => {
    const texts = Array.from({ length: 10 }, (_, i) => `record ${i}`);

    test('inside its handler leaves that record and all behind it, in order', async () => {
      const ring = createRing();
      ring.producer().tryWriteBatch(texts);
      const actor = await actorAt(ring.name, 'consumer');
      await dies(actor, 'drain', { dieAt: 3 });
      const seen = drainStrings(ring.consumer());
      expect(seen).toEqual(texts.slice(texts.length - seen.length));
      expect(seen.length).toBeGreaterThanOrEqual(7);
    });

    test('inside its handler leaves at most an eighth of the ring to be repeated', async () => {
      const ring = createRing({ capacity: 65_536 });
      const records = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(120, '.'));
      expect(ring.producer().tryWriteBatch(records)).toBe(500);
      const actor = await actorAt(ring.name, 'consumer');
      await dies(actor, 'drain', { dieAt: 400 });
      const consumer = ring.consumer();
      const repeated = 400 - consumer.position / 16;
      expect(repeated).toBeGreaterThanOrEqual(0);
      expect(repeated * 128).toBeLessThanOrEqual(65_536 / 8);
      expect(drainStrings(consumer)).toEqual(records.slice(400 - repeated));
    });

    test.each([
      [0, 10],
      [4, 6],
      [10, 0],
    ])('with an open batch of which %i were released leaves the other %i', async (release, left) => {
      const ring = createRing();
      ring.producer().tryWriteBatch(texts);
      const actor = await actorAt(ring.name, 'consumer');
      expect(await actor.do('peek', { limit: 10, release })).toMatchObject({ count: 10 });
      await dies(actor);
      expect(drainStrings(ring.consumer())).toEqual(texts.slice(10 - left));
      expect(ring.stats()).toMatchObject({ written: 10, read: 10, recordsWaiting: 0 });
    });

    test('after a drain has returned has consumed what it was given, for good', async () => {
      const ring = createRing();
      ring.producer().tryWriteBatch(texts);
      const actor = await actorAt(ring.name, 'consumer');
      expect((await actor.do('drain', { limit: 6 })).records).toHaveLength(6);
      await dies(actor);
      expect(drainStrings(ring.consumer())).toEqual(texts.slice(6));
    });

    test('gives its repeated records the positions that they had', async () => {
      const ring = createRing();
      ring.producer().tryWriteBatch(texts);
      const looked: [number, string][] = [...ring.inspect()].map(({ position, bytes }) => [
        position,
        `${bytes}`,
      ]);
      const actor = await actorAt(ring.name, 'consumer');
      await dies(actor, 'drain', { dieAt: 5 });
      const seen: [number, string][] = [];
      ring.consumer().drain((memory, start, end, position) => {
        seen.push([position, memory.toString('latin1', start, end)]);
      });
      expect(seen).toEqual(looked.slice(looked.length - seen.length));
    });
  });

  describe('when everyone was killed', () => {
    test('a late attach drains what was committed, and the ring goes on', async () => {
      const ring = createRing();
      const writer = await actorAt(ring.name, 'producer');
      const reader = await actorAt(ring.name, 'consumer');
      const standby = await actorAt(ring.name);
      await standby.begin('standbySync');
      await writer.do('write', { records: ['1', '2', '3', '4'] });
      expect((await reader.do('drain', { limit: 1 })).records).toEqual([[0, '1']]);
      await writer.do('claim', { text: 'uncommitted' });
      ring.close();
      await Promise.all([standby, writer, reader].map(({ child }) => child.murder()));
      const late = await actorAt(ring.name, 'consumer', 'producer');
      const { records } = await late.do('drain');
      expect(records.map(([, text]: [number, string]) => text)).toEqual(['2', '3', '4']);
      await late.do('write', { records: ['5'] });
      expect(await late.do('waitSync')).toMatchObject({ result: 'ready' });
      expect((await late.do('drain')).records).toMatchObject([[expect.any(Number), '5']]);
    });
  });
});
