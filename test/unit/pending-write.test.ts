import { describe, expect, test } from 'vitest';
import { codeOf, codeOfRejection, rejection } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings, fillUp } from '../helpers/rings.js';
import { isPending, sleep, until, within } from '../helpers/time.js';

eachKind(({ createEnds, createRing }) => {
  /** A full ring, and how many records fill it. */
  function full(): ReturnType<typeof createEnds> & { count: number } {
    const ends = createEnds();
    return { ...ends, count: fillUp(ends.producer) };
  }

  function room(consumer: ReturnType<typeof createEnds>['consumer'], records = 1): void {
    for (let i = 0; i < records; i += 1) consumer.tryRead();
  }

  describe('write', () => {
    test('of a ring with room is done when the promise is fulfilled', async () => {
      const { producer, consumer } = createEnds();
      expect(await producer.write('a')).toBe(true);
      expect(await producer.write(Buffer.from('b'))).toBe(true);
      expect(drainStrings(consumer)).toEqual(['a', 'b']);
    });

    test('waits for room without blocking the event loop', async () => {
      const { ring, producer, consumer, count } = full();
      const writing = producer.write('late');
      expect(await isPending(writing)).toBe(true);
      expect(ring.stats().written).toBe(count);
      room(consumer);
      expect(await within(writing, 'the write')).toBe(true);
      expect(drainStrings(consumer).at(-1)).toBe('late');
    });

    test('that are pending together are written in the order of their calls', async () => {
      const { producer, consumer } = full();
      const sizes = [2000, 1, 500, 3000, 0, 40, 1500, 7];
      const texts = sizes.map((size, i) => `${i}`.padEnd(size, '.').slice(0, Math.max(size, 1)));
      const writing = texts.map((text) => producer.write(text));
      const seen: string[] = [];
      await until(() => {
        seen.push(...drainStrings(consumer, 3));
        return seen.at(-1)?.startsWith('7') ?? false;
      }, 'the last record');
      expect(await Promise.all(writing)).toEqual(texts.map(() => true));
      expect(seen.slice(-texts.length)).toEqual(texts);
    });

    test('while one is pending makes try… refuse, even what would fit', async () => {
      const { ring, producer, consumer, count } = full();
      const writing = producer.write('x'.repeat(1000));
      room(consumer, 2);
      expect(producer.tryWrite('small')).toBe(false);
      expect(producer.tryClaim(8)).toBe(-1);
      expect(producer.tryWriteBatch(['small', 'small'])).toBe(0);
      expect(ring.stats().written).toBe(count);
      room(consumer, 40);
      expect(await within(writing, 'the write')).toBe(true);
      expect(producer.tryWrite('small')).toBe(true);
    });

    test('copies the record when room appears, not before', async () => {
      const { producer, consumer } = full();
      const record = Buffer.from('before');
      const writing = producer.write(record);
      record.write('AFTER!');
      room(consumer);
      await within(writing, 'the write');
      expect(drainStrings(consumer).at(-1)).toBe('AFTER!');
    });

    test('is false after its time-out and has written nothing', async () => {
      const { ring, producer, consumer, count } = full();
      const before = performance.now();
      expect(await producer.write('x', { timeoutMs: 100 })).toBe(false);
      expect(performance.now() - before).toBeGreaterThanOrEqual(99);
      expect(await producer.write('x', { timeoutMs: 0 })).toBe(false);
      expect(ring.stats().written).toBe(count);
      room(consumer);
      expect(producer.tryWrite('y')).toBe(true);
      expect(drainStrings(consumer).at(-1)).toBe('y');
    });

    test('that times out lets those behind it go on, in order', async () => {
      const { producer, consumer } = full();
      const first = producer.write('x'.repeat(3000), { timeoutMs: 50 });
      const second = producer.write('second');
      const third = producer.write('third');
      expect(await within(first, 'the time-out')).toBe(false);
      room(consumer, 4);
      expect(await within(Promise.all([second, third]), 'the others')).toEqual([true, true]);
      expect(drainStrings(consumer).slice(-2)).toEqual(['second', 'third']);
    });

    test('rejects with AbortError when aborted, and has written nothing', async () => {
      const { ring, producer, consumer, count } = full();
      const aborter = new AbortController();
      const aborted = producer.write('aborted', { signal: aborter.signal });
      const behind = producer.write('behind');
      await sleep(20);
      aborter.abort();
      const error = await within(rejection(aborted), 'the rejection');
      expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
      room(consumer);
      expect(await within(behind, 'the one behind')).toBe(true);
      expect(ring.stats().written).toBe(count + 1);
      expect(drainStrings(consumer)).not.toContain('aborted');
    });

    test('rejects with AbortError when aborted before, even if there is room', async () => {
      const { ring, producer } = createEnds();
      const writing = producer.write('x', { signal: AbortSignal.abort() });
      expect(await rejection(writing)).toMatchObject({ name: 'AbortError' });
      expect(ring.stats().written).toBe(0);
      expect(producer.tryWrite('y')).toBe(true);
    });

    test('with a bad record rejects with the code and disturbs no other', async () => {
      const { ring, producer } = createEnds();
      const write = async (record: unknown): Promise<unknown> => producer.write(record as string);
      expect(await codeOfRejection(write(7))).toBe('INVALID_ARGUMENT');
      expect(await codeOfRejection(write(undefined))).toBe('INVALID_ARGUMENT');
      expect(await codeOfRejection(write(Buffer.alloc(ring.maxRecord + 1)))).toBe('TOO_LARGE');
      expect(await write('fine')).toBe(true);
      expect(ring.stats().written).toBe(1);
    });

    test('that is pending rejects with CLOSED when the producer is closed', async () => {
      const { ring, producer, count } = full();
      const writing = [producer.write('x'), producer.write('y')];
      await sleep(10);
      producer.close();
      for (const write of writing) {
        expect(await codeOfRejection(within(write, 'the rejection'))).toBe('CLOSED');
      }
      expect(ring.stats().written).toBe(count);
    });

    test('that is pending is settled before an asynchronous disposal closes', async () => {
      const { ring, producer, consumer, count } = full();
      const writing = [producer.write('x'), producer.write('y')];
      const disposal = producer[Symbol.asyncDispose]();
      expect(await isPending(disposal)).toBe(true);
      expect(producer.closed).toBe(false);
      room(consumer, 3);
      await within(disposal, 'the disposal');
      expect(await Promise.all(writing)).toEqual([true, true]);
      expect(producer.closed).toBe(true);
      expect(ring.stats().written).toBe(count + 2);
    });

    test('with requireConsumer rejects with NO_CONSUMER instead of waiting for nobody', async () => {
      const ring = createRing();
      const producer = ring.producer();
      const count = fillUp(producer);
      const writing = producer.write('x', { requireConsumer: true });
      expect(await codeOfRejection(within(writing, 'the rejection'))).toBe('NO_CONSUMER');
      expect(ring.stats().written).toBe(count);
    });

    test('with requireConsumer rejects when the consumer closes meanwhile', async () => {
      const { producer, consumer } = full();
      const writing = producer.write('x', { requireConsumer: true });
      expect(await isPending(writing)).toBe(true);
      consumer.close();
      expect(await codeOfRejection(within(writing, 'the rejection'))).toBe('NO_CONSUMER');
    });

    test('a thousand at once all arrive, in order', async () => {
      const { producer, consumer } = createEnds();
      const texts = Array.from({ length: 1000 }, (_, i) => `${i}`.padEnd(i % 300, '.'));
      const writing = texts.map((text) => producer.write(text));
      const seen: string[] = [];
      await until(() => {
        seen.push(...drainStrings(consumer));
        return seen.length >= texts.length;
      }, 'the last record');
      expect(seen).toEqual(texts);
      expect(new Set(await Promise.all(writing))).toEqual(new Set([true]));
    });

    test('that is pending and a sealed ring: what happens is a result or SEALED, never a hang', async () => {
      const { ring, producer, consumer, count } = full();
      const writing = producer.write('begun before').then(
        (written) => (written ? 'written' : 'refused'),
        (error: { code: string }) => error.code,
      );
      await sleep(10);
      ring.seal();
      expect(codeOf(() => producer.writeSync('later'))).toBe('SEALED');
      const seen = drainStrings(consumer);
      const result = await within(writing, 'the pending write');
      seen.push(...drainStrings(consumer));
      expect(['written', 'ERR_SHMRING_SEALED']).toContain(result);
      expect(seen).toHaveLength(count + (result === 'written' ? 1 : 0));
    });
  });
});
