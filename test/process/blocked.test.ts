import type { Ring } from 'shmring';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Actor, actorAt } from '../helpers/actor.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings, fillUp } from '../helpers/rings.js';
import { isPending, sleep, within } from '../helpers/time.js';

eachKind(({ createRing }) => {
  /** A slice is 100 ms; a machine may be slow, but nobody waits for ever. */
  const NOTICED_WITHIN_MS = 5000;

  let ring: Ring;
  beforeEach(() => {
    ring = createRing();
  });

  /** Two processes: one that waits and one that it waits for. */
  async function pair(endWhen: string): Promise<{ reader: Actor; writer: Actor }> {
    const reader = await actorAt(ring.name);
    expect(await reader.do('consumer', { options: { endWhen } })).not.toHaveProperty('code');
    return { reader, writer: await actorAt(ring.name, 'producer') };
  }

  describe('a consumer blocked without a time-out', () => {
    test.each(['waitSync', 'drainSync', 'wait'])(
      'in %s notices that the only producer was killed',
      async (call) => {
        const { reader, writer } = await pair('no-producers');
        await reader.begin(call);
        await sleep(300);
        await writer.child.murder();
        expect(await reader.result(NOTICED_WITHIN_MS)).toMatchObject({ ended: 'producer-died' });
      },
    );

    test.each(['waitSync', 'drainSync', 'wait'])(
      'in %s notices that the only producer closed',
      async (call) => {
        const { reader, writer } = await pair('no-producers');
        await reader.begin(call);
        await sleep(300);
        await writer.do('closeProducer');
        expect(await reader.result(NOTICED_WITHIN_MS)).toMatchObject({ ended: 'no-producers' });
      },
    );

    test.each(['waitSync', 'drainSync', 'wait'])('in %s notices a seal by somebody else', async (call) => {
      const { reader, writer } = await pair('sealed');
      await reader.begin(call);
      await sleep(300);
      ring.seal();
      expect(await reader.result(NOTICED_WITHIN_MS)).toMatchObject({ ended: 'sealed' });
      expect(await writer.do('write', { records: ['x'] })).toMatchObject({ code: 'SEALED' });
    });

    test.each(['waitSync', 'wait'])(
      'in %s notices the seal though the producer was killed in a claim',
      async (call) => {
        const { reader, writer } = await pair('sealed');
        await reader.begin(call);
        await writer.do('claim', { text: 'never' });
        ring.seal();
        await sleep(300);
        await writer.child.murder();
        expect(await reader.result(NOTICED_WITHIN_MS)).toMatchObject({ result: 'ended', ended: 'sealed' });
      },
    );

    test.each(['waitSync', 'wait'])('in %s is woken by a record, also after many slices', async (call) => {
      const { reader, writer } = await pair('sealed');
      for (const pause of [0, 50, 700]) {
        await reader.begin(call);
        await sleep(pause);
        await writer.do('write', { records: ['x'] });
        expect(await reader.result(NOTICED_WITHIN_MS)).toMatchObject({ result: 'ready', ended: false });
        expect((await reader.do('drain')).records).toHaveLength(1);
      }
    });

    test("whose stream ends when 'sealed' goes on waiting for a successor of the killed producer", async () => {
      const { reader, writer } = await pair('sealed');
      await reader.begin('waitSync');
      await writer.child.murder();
      const result = reader.result();
      expect(await isPending(result, 500)).toBe(true);
      ring.producer().tryWrite('from the successor');
      expect(await within(result, 'the wake', NOTICED_WITHIN_MS)).toMatchObject({ result: 'ready' });
    });
  });

  describe('a producer blocked without a time-out', () => {
    async function blocked(act: string, details: object): Promise<{ reader: Actor; writer: Actor }> {
      const actors = await pair('sealed');
      await actors.writer.do('fill', { byteLength: 56 });
      await actors.writer.begin(act, details);
      await sleep(300);
      return actors;
    }
    const requiring = { record: 'x', options: { requireConsumer: true } };

    test('in writeSync with requireConsumer throws NO_CONSUMER when the consumer is killed', async () => {
      const { reader, writer } = await blocked('writeSync', requiring);
      await reader.child.murder();
      expect(await writer.result(NOTICED_WITHIN_MS)).toMatchObject({ code: 'NO_CONSUMER' });
    });

    test('in writeSync with requireConsumer throws NO_CONSUMER when the consumer closes', async () => {
      const { reader, writer } = await blocked('writeSync', requiring);
      await reader.do('closeConsumer');
      expect(await writer.result(NOTICED_WITHIN_MS)).toMatchObject({ code: 'NO_CONSUMER' });
    });

    test('in writeSync goes on waiting for a successor of the killed consumer, and writes', async () => {
      const { reader, writer } = await blocked('writeSync', { record: 'patient' });
      await reader.child.murder();
      const result = writer.result();
      expect(await isPending(result, 500)).toBe(true);
      const consumer = ring.consumer();
      drainStrings(consumer);
      expect(await within(result, 'the write', NOTICED_WITHIN_MS)).toMatchObject({ written: true });
      expect(drainStrings(consumer)).toEqual(['patient']);
    });

    test('in writeSync is woken by room', async () => {
      const { reader, writer } = await blocked('writeSync', { record: 'x' });
      await reader.do('drain', { limit: 1 });
      expect(await writer.result(NOTICED_WITHIN_MS)).toMatchObject({ written: true });
    });

    test('in waitForRoomSync is woken by room', async () => {
      const { reader, writer } = await blocked('waitForRoomSync', { byteLength: 100 });
      await reader.do('drain', { limit: 2 });
      expect(await writer.result(NOTICED_WITHIN_MS)).toMatchObject({ result: 'ready' });
    });

    test('in writeSync does not wait for ever when the ring is sealed', async () => {
      const { reader, writer } = await blocked('writeSync', { record: 'x' });
      ring.seal();
      await reader.do('drain');
      const result = await writer.result(NOTICED_WITHIN_MS);
      expect(result.code === 'SEALED' || result.written === true, JSON.stringify(result)).toBe(true);
    });
  });

  describe('a promise in this process', () => {
    test('of wait ends when the producer in another is killed', async () => {
      const consumer = ring.consumer({ endWhen: 'no-producers' });
      const writer = await actorAt(ring.name, 'producer');
      const waiting = consumer.wait();
      expect(await isPending(waiting, 300)).toBe(true);
      await writer.child.murder();
      expect(await within(waiting, 'the end', NOTICED_WITHIN_MS)).toBe('ended');
      expect(consumer.ended).toBe('producer-died');
    });

    test('of write with requireConsumer rejects when the consumer in another is killed', async () => {
      const producer = ring.producer();
      const reader = await actorAt(ring.name, 'consumer');
      fillUp(producer);
      const outcome = producer.write('x', { requireConsumer: true }).catch((error) => error.code);
      expect(await isPending(outcome, 300)).toBe(true);
      await reader.child.murder();
      expect(await within(outcome, 'the rejection', NOTICED_WITHIN_MS)).toBe('ERR_SHMRING_NO_CONSUMER');
    });

    test('of flush is fulfilled by a consumer in another, killed and followed by a successor', async () => {
      const producer = ring.producer();
      const reader = await actorAt(ring.name, 'consumer');
      producer.tryWriteBatch(['1', '2']);
      const flushing = producer.flush();
      await reader.do('drain', { limit: 1 });
      await reader.child.murder();
      expect(await isPending(flushing, 300)).toBe(true);
      const successor = await actorAt(ring.name, 'consumer');
      expect((await successor.do('drain')).records).toHaveLength(1);
      expect(await within(flushing, 'the flush', NOTICED_WITHIN_MS)).toBe(true);
    });
  });
});
