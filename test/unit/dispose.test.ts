import { Ring } from 'shmring';
import { describe, expect, test, vi } from 'vitest';
import { codeOfRejection, rejection } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { fillUp } from '../helpers/rings.js';
import { isPending, within } from '../helpers/time.js';

eachKind(({ kind, capacity, createEnds, createRing }) => {
  describe('disposal', () => {
    test('using closes ring, producer and consumer', () => {
      const made = createRing();
      const handles: { closed: boolean }[] = [];
      {
        using ring = Ring.open(made.name);
        using producer = ring.producer();
        using consumer = ring.consumer();
        handles.push(ring, producer, consumer);
        expect(handles.map(({ closed }) => closed)).toEqual([false, false, false]);
      }
      expect(handles.map(({ closed }) => closed)).toEqual([true, true, true]);
      expect(made.owners()).toEqual([]);
    });

    test('using closes in spite of an error', () => {
      const made = createRing();
      const fail = (): void => {
        using ring = Ring.open(made.name);
        ring.producer().tryWrite('x');
        throw new Error('on the way');
      };
      expect(fail).toThrow('on the way');
      expect(made.stats()).toMatchObject({ written: 1, producers: 0 });
    });

    test('of a temporary ring removes its name', () => {
      let name = '';
      {
        using ring = Ring.temporary({ kind, capacity });
        ({ name } = ring);
      }
      expect(Ring.list().map((info) => info.name)).not.toContain(name);
    });

    test('of a persistent ring never unlinks it', () => {
      const made = createRing();
      {
        using ring = Ring.open(made.name);
        expect(ring.closed).toBe(false);
      }
      made.close();
      expect(Ring.unlink(made.name)).toBe(true);
    });

    test('await using of a producer writes what is pending, then closes', async () => {
      const ring = createRing();
      const consumer = ring.consumer();
      const record = Buffer.alloc(capacity / 4 - 8);
      const results: Promise<boolean>[] = [];
      setTimeout(() => consumer.drain(() => {}), 20);
      {
        await using producer = ring.producer();
        for (let i = 0; i < 6; i += 1) results.push(producer.write(record));
      }
      expect(await Promise.all(results)).toEqual(Array(6).fill(true));
      expect(ring.stats()).toMatchObject({ written: 6, producers: 0 });
    });

    test('await using of a producer ends when no reader lives and a write is pending', async () => {
      const ring = createRing();
      const outcomes: Promise<unknown>[] = [];
      const use = async (): Promise<void> => {
        await using producer = ring.producer();
        const count = fillUp(producer);
        for (const text of ['x', 'y']) outcomes.push(codeOfRejection(producer.write(text)));
        expect(ring.stats().written).toBe(count);
      };
      await within(use(), 'the disposal');
      expect(await Promise.all(outcomes)).toEqual(['NO_CONSUMER', 'NO_CONSUMER']);
      expect(ring.stats()).toMatchObject({ producers: 0 });
    });

    test('of a producer waits for a slow reader, and no longer than it lives', async () => {
      const { ring, producer, consumer } = createEnds();
      fillUp(producer);
      const writing = [producer.write('first'), codeOfRejection(producer.write('x'.repeat(1000)))];
      const disposal = producer[Symbol.asyncDispose]();
      expect(await isPending(disposal, 300)).toBe(true);
      expect(producer.closed).toBe(false);
      consumer.tryRead();
      expect(await within(writing[0] as Promise<unknown>, 'the first')).toBe(true);
      expect(await isPending(disposal, 100)).toBe(true);
      consumer.close();
      await within(disposal, 'the disposal');
      expect(await writing[1]).toBe('NO_CONSUMER');
      expect(producer.closed).toBe(true);
      expect(ring.stats().producers).toBe(0);
    });

    test('of a producer writes what fits after a reader that made room and went', async () => {
      const { ring, producer, consumer } = createEnds();
      const count = fillUp(producer);
      const writing = ['first', 'second'].map((text) => producer.write(text));
      consumer.drain(() => {});
      consumer.close();
      await within(producer[Symbol.asyncDispose](), 'the disposal');
      expect(await Promise.all(writing)).toEqual([true, true]);
      expect(ring.stats()).toMatchObject({ written: count + 2, producers: 0 });
    });

    test('of a producer does not wait for writes that begin later', async () => {
      const { producer, consumer } = createEnds();
      fillUp(producer);
      const first = producer.write('first');
      const disposal = producer[Symbol.asyncDispose]();
      // There is always a next one.
      const endless = (async () => {
        for (;;) await producer.write('x'.repeat(500));
      })();
      const ended = codeOfRejection(endless);
      const reading = setInterval(() => !consumer.closed && consumer.tryRead(), 1);
      await within(disposal, 'the disposal');
      clearInterval(reading);
      expect(await first).toBe(true);
      expect(await ended).toBe('CLOSED');
    });

    test('of a producer frees its slot even when the look for a reader fails', async () => {
      const { ring, producer } = createEnds();
      fillUp(producer);
      const writing = rejection(producer.write('x'));
      const error = new Error('no probe');
      vi.spyOn(producer, 'consumerAlive').mockImplementation(() => {
        throw error;
      });
      expect(await rejection(within(producer[Symbol.asyncDispose](), 'the disposal'))).toBe(error);
      expect(await within(writing, 'the write')).toMatchObject({ code: 'ERR_SHMRING_CLOSED' });
      expect(producer.closed).toBe(true);
      expect(ring.stats().producers).toBe(0);
    });
  });
});
