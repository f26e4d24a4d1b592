import type { Batch } from 'shmring';
import { describe, expect, test } from 'vitest';
import { codeOfRejection, rejection } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings, fillUp } from '../helpers/rings.js';
import { isPending, sleep, within } from '../helpers/time.js';

eachKind(({ span, createEnds, createRing }) => {
  describe('for await', () => {
    test('hands out every record as a copy and ends with the seal', async () => {
      const { ring, producer, consumer } = createEnds();
      const texts = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(i % 100, '.'));
      const writing = (async () => {
        for (const text of texts) expect(await producer.write(text)).toBe(true);
        ring.seal();
      })();
      const seen: Buffer[] = [];
      for await (const record of consumer) seen.push(record);
      await writing;
      expect(seen.map(String)).toEqual(texts);
      expect(consumer.ended).toBe('sealed');
      expect(ring.stats()).toMatchObject({ written: 500, read: 500 });
    });

    test('of a stream that has ended does nothing', async () => {
      const { ring, consumer } = createEnds();
      ring.seal();
      for await (const _ of consumer) expect.unreachable();
      expect(await consumer[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
    });

    test('ends when the producers have gone, where the consumer asked for that', async () => {
      const ring = createRing();
      const consumer = ring.consumer({ endWhen: 'no-producers' });
      const producer = ring.producer();
      producer.tryWrite('1');
      setTimeout(() => {
        producer.tryWrite('2');
        producer.close();
      }, 30);
      const seen: string[] = [];
      for await (const record of consumer) seen.push(record.toString());
      expect(seen).toEqual(['1', '2']);
      expect(consumer.ended).toBe('no-producers');
    });

    test('releases each record when it is handed out, and no record before', async () => {
      const { ring, producer, consumer } = createEnds();
      for (let i = 0; i < 5; i += 1) producer.tryWrite(`${i}`);
      const iterator = consumer[Symbol.asyncIterator]();
      for (let i = 0; i < 5; i += 1) {
        expect(ring.stats().read).toBe(i);
        const { value } = await iterator.next();
        expect(String(value)).toBe(`${i}`);
        expect(ring.stats().read).toBe(i + 1);
      }
    });

    test('left by break leaves the rest for the next reader', async () => {
      const { producer, consumer } = createEnds();
      for (let i = 0; i < 5; i += 1) producer.tryWrite(`${i}`);
      for await (const record of consumer) if (record.toString() === '1') break;
      expect(consumer.closed).toBe(false);
      expect(consumer.tryRead()?.toString()).toBe('2');
      for await (const record of consumer) {
        expect(record.toString()).toBe('3');
        break;
      }
      expect(drainStrings(consumer)).toEqual(['4']);
    });

    test('left by an error passes the error on and leaves the rest', async () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('1');
      producer.tryWrite('2');
      const error = new Error('from the loop');
      const loop = (async () => {
        for await (const _ of consumer) throw error;
      })();
      expect(await rejection(loop)).toBe(error);
      expect(drainStrings(consumer)).toEqual(['2']);
    });

    test('records stay what they were when the ring goes on', async () => {
      const { ring, producer, consumer } = createEnds();
      const seen: Buffer[] = [];
      const writing = (async () => {
        for (let i = 0; i < 300; i += 1) await producer.write(`record ${i} of many`);
        ring.seal();
      })();
      for await (const record of consumer) seen.push(record);
      await writing;
      seen.forEach((record, i) => void expect(record.toString()).toBe(`record ${i} of many`));
      expect(seen).toHaveLength(300);
    });

    test('is interrupted with CLOSED when the consumer is closed meanwhile', async () => {
      const { consumer } = createEnds();
      const next = consumer[Symbol.asyncIterator]().next();
      await sleep(10);
      consumer.close();
      expect(await codeOfRejection(within(next, 'the rejection'))).toBe('CLOSED');
    });

    test('asks that overlap are answered in order', async () => {
      const { producer, consumer } = createEnds();
      const iterator = consumer[Symbol.asyncIterator]();
      const asked = [iterator.next(), iterator.next(), iterator.next()];
      expect(await isPending(Promise.race(asked), 20)).toBe(true);
      for (const text of ['1', '2', '3']) producer.tryWrite(text);
      const answers = await within(Promise.all(asked), 'the answers');
      expect(answers.map(({ value }) => String(value))).toEqual(['1', '2', '3']);
    });

    test('over what is there already lets the event loop turn', async () => {
      const ring = createRing({ capacity: 131_072 * span(0) });
      const producer = ring.producer();
      const consumer = ring.consumer();
      const count = fillUp(producer, 0);
      let turns = 0;
      const turn = (): void => {
        turns += 1;
        immediate = setImmediate(turn);
      };
      let immediate = setImmediate(turn);
      let seen = 0;
      const before = process.cpuUsage();
      for await (const _ of consumer) {
        seen += 1;
        // Far more than a millisecond of work in all, spread evenly.
        if (seen % 16 === 0) for (const until = performance.now() + 0.02; performance.now() < until; );
        if (seen === count) break;
      }
      const { user, system } = process.cpuUsage(before);
      clearImmediate(immediate);
      expect(count).toBeGreaterThan(100_000);
      const workedMs = (user + system) / 1000;
      expect(workedMs).toBeGreaterThan(100);
      // At least once a millisecond of work; a third of that, since other threads work too.
      expect(turns).toBeGreaterThan(workedMs / 3);
    });
  });

  describe('batches', () => {
    async function next(batches: AsyncIterable<Batch>): Promise<Batch> {
      const { value } = await within(batches[Symbol.asyncIterator]().next(), 'a batch');
      return value;
    }

    test('hand out what waits, up to the limit; what is not released comes again', async () => {
      const { ring, producer, consumer } = createEnds();
      for (let i = 0; i < 5; i += 1) producer.tryWrite(`${i}`);
      const seen: string[] = [];
      let rounds = 0;
      for await (using batch of consumer.batches({ limit: 2 })) {
        expect(batch.count).toBeLessThanOrEqual(2);
        const [start, end] = batch.ranges;
        seen.push(batch.memory.toString('latin1', start, end));
        batch.release(1);
        rounds += 1;
        if (rounds === 5) break;
      }
      expect(seen).toEqual(['0', '1', '2', '3', '4']);
      expect(ring.stats().read).toBe(5);
    });

    test('wait for records and end with the stream', async () => {
      const { ring, producer, consumer } = createEnds();
      let seen = 0;
      setTimeout(() => producer.tryWriteBatch(['1', '2', '3']), 20);
      setTimeout(() => producer.tryWriteBatch(['4']), 40);
      setTimeout(() => ring.seal(), 60);
      for await (const batch of consumer.batches()) {
        seen += batch.count;
        batch.release();
      }
      expect(seen).toBe(4);
      expect(consumer.ended).toBe('sealed');
    });

    test('that are left without release consume nothing', async () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('x');
      for await (const batch of consumer.batches()) {
        expect(batch.count).toBe(1);
        break;
      }
      expect(ring.stats().read).toBe(0);
      expect(consumer.tryRead()?.toString()).toBe('x');
    });

    test('are ended with AbortError by their signal, before and meanwhile', async () => {
      const { producer, consumer } = createEnds();
      const early = next(consumer.batches({ signal: AbortSignal.abort() }));
      expect(await rejection(early)).toMatchObject({ name: 'AbortError' });
      const late = next(consumer.batches({ signal: AbortSignal.timeout(20) }));
      expect(await rejection(late)).toMatchObject({ name: 'AbortError' });
      producer.tryWrite('still there');
      expect((await next(consumer.batches())).count).toBe(1);
    });
  });
});
