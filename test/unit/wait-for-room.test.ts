import { describe, expect, test } from 'vitest';
import { codeOf, codeOfRejection, rejection } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { fillUp } from '../helpers/rings.js';
import { isPending, sleep, within } from '../helpers/time.js';

eachKind(({ createEnds }) => {
  describe('waitForRoom', () => {
    test('is ready at once when there is room', async () => {
      const { ring, producer } = createEnds();
      for (const length of [0, 1, 100, ring.maxRecord]) {
        expect(producer.waitForRoomSync(length, { timeoutMs: 0 })).toBe('ready');
        expect(await producer.waitForRoom(length)).toBe('ready');
      }
      expect(ring.stats()).toMatchObject({ written: 0, recordsWaiting: 0 });
    });

    test('times out when nobody makes room, and writes nothing', async () => {
      const { ring, producer } = createEnds();
      const count = fillUp(producer);
      expect(producer.waitForRoomSync(8, { timeoutMs: 20 })).toBe('timeout');
      expect(await producer.waitForRoom(8, { timeoutMs: 20 })).toBe('timeout');
      expect(ring.stats()).toMatchObject({ written: count, recordsWaiting: count });
    });

    test('is ready when enough room was released, not before; then the write succeeds', async () => {
      const { producer, consumer } = createEnds();
      fillUp(producer);
      const waiting = producer.waitForRoom(1000);
      for (let i = 0; i < 15; i += 1) consumer.tryRead();
      expect(await isPending(waiting, 200)).toBe(true);
      consumer.tryRead();
      expect(await within(waiting, 'room')).toBe('ready');
      expect(producer.tryWrite(Buffer.alloc(1000))).toBe(true);
    });

    test('for more than maxRecord is TOO_LARGE instead of an endless wait', async () => {
      const { ring, producer } = createEnds();
      const length = ring.maxRecord + 1;
      expect(codeOf(() => producer.waitForRoomSync(length))).toBe('TOO_LARGE');
      const wait = async (): Promise<unknown> => producer.waitForRoom(length);
      expect(await codeOfRejection(wait())).toBe('TOO_LARGE');
    });

    test('gets through at every place of the ring when only padding stands in the way', async () => {
      const { ring, producer, consumer } = createEnds();
      for (const length of [8, 1000, 2048, 4000]) {
        producer.tryWrite(Buffer.alloc(length));
        consumer.tryRead();
        const waiting = producer.waitForRoom(ring.maxRecord);
        await sleep(5);
        expect(consumer.tryRead()).toBeUndefined();
        expect(await within(waiting, `room after ${length} bytes`)).toBe('ready');
        expect(producer.tryWrite(Buffer.alloc(ring.maxRecord))).toBe(true);
        expect(consumer.tryRead()?.length).toBe(ring.maxRecord);
      }
    });

    test('is aborted by its signal, before and meanwhile', async () => {
      const { producer } = createEnds();
      const early = producer.waitForRoom(8, { signal: AbortSignal.abort() });
      expect(await rejection(early)).toMatchObject({ name: 'AbortError' });
      fillUp(producer);
      const late = producer.waitForRoom(8, { signal: AbortSignal.timeout(20) });
      expect(await rejection(within(late, 'the rejection'))).toMatchObject({ name: 'AbortError' });
    });

    test('rejects with CLOSED when the producer is closed meanwhile', async () => {
      const { producer } = createEnds();
      fillUp(producer);
      const waiting = producer.waitForRoom(8);
      await sleep(10);
      producer.close();
      expect(await codeOfRejection(within(waiting, 'the rejection'))).toBe('CLOSED');
    });
  });
});
