import type { Batch } from 'shmring';
import { describe, expect, test } from 'vitest';
import { codeOf } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings, fillUp } from '../helpers/rings.js';

eachKind(({ span, createEnds }) => {
  function filled(count = 5): ReturnType<typeof createEnds> {
    const ends = createEnds();
    for (let i = 0; i < count; i += 1) ends.producer.tryWrite(`${i}`);
    return ends;
  }

  function textsOf(batch: Batch): string[] {
    const { memory, ranges } = batch;
    return Array.from({ length: batch.count }, (_, i) =>
      memory.toString('utf8', ranges[2 * i], ranges[2 * i + 1]),
    );
  }

  describe('peek', () => {
    test('shows what waits, and nothing is consumed before release', () => {
      const { ring, consumer } = filled();
      const batch = consumer.peek() as Batch;
      expect(batch.count).toBe(5);
      expect(batch.ranges).toBeInstanceOf(Uint32Array);
      expect(batch.ranges).toHaveLength(10);
      expect(textsOf(batch)).toEqual(['0', '1', '2', '3', '4']);
      expect(ring.stats()).toMatchObject({ read: 0, recordsWaiting: 5 });
      batch.release();
      expect(ring.stats()).toMatchObject({ read: 5, recordsWaiting: 0, bytesWaiting: 0 });
      expect(consumer.tryRead()).toBeUndefined();
    });

    test('of an empty ring is undefined', () => {
      const { producer, consumer } = createEnds();
      expect(consumer.peek()).toBeUndefined();
      producer.tryWrite('x');
      consumer.tryRead();
      expect(consumer.peek()).toBeUndefined();
    });

    test.each([
      [1, 1],
      [3, 3],
      [100, 5],
      [Infinity, 5],
    ])('with limit %s shows %i of 5', (limit, expected) => {
      const { consumer } = filled();
      const batch = consumer.peek(limit) as Batch;
      expect(batch.count).toBe(expected);
      batch.release();
      expect(drainStrings(consumer)).toEqual(['0', '1', '2', '3', '4'].slice(expected));
    });

    test('never shows more than there is, and comes to everything in the end', () => {
      const { producer, consumer } = createEnds();
      let rest = fillUp(producer);
      while (rest > 0) {
        const batch = consumer.peek() as Batch;
        expect(batch.count).toBeGreaterThan(0);
        expect(batch.count).toBeLessThanOrEqual(rest);
        batch.release();
        rest -= batch.count;
      }
      expect(consumer.peek()).toBeUndefined();
    });

    test('gives the same memory as drain', () => {
      const { consumer } = filled(2);
      const batch = consumer.peek(1) as Batch;
      batch.release();
      consumer.drain((memory) => expect(memory).toBe(batch.memory));
    });

    test('gives each record its position, the key by which repeats are dropped', () => {
      const { consumer } = filled();
      const batch = consumer.peek() as Batch;
      const positions = Array.from({ length: 5 }, (_, i) => batch.positionAt(i));
      expect(positions).toEqual([0, 1, 2, 3, 4].map((i) => (i * span(1)) / 8));
      batch.ranges.forEach((offset, i) => {
        if (i % 2 === 0) expect(offset).toBe((positions[i / 2] as number) * 8 + 8);
      });
      for (const i of [5, -1, 0.5, NaN]) {
        expect(
          codeOf(() => batch.positionAt(i)),
          `${i}`,
        ).toBe('INVALID_ARGUMENT');
      }
      batch[Symbol.dispose]();
      const seen: number[] = [];
      consumer.drain((_, __, ___, position) => void seen.push(position));
      expect(seen).toEqual(positions);
    });
  });

  describe('a batch', () => {
    test.each([0, 1, 3, 5])('released by %i of 5 leaves the others first in line', (count) => {
      const { ring, consumer } = filled();
      const batch = consumer.peek() as Batch;
      batch.release(count);
      batch[Symbol.dispose]();
      expect(ring.stats().read).toBe(count);
      expect(drainStrings(consumer)).toEqual(['0', '1', '2', '3', '4'].slice(count));
    });

    test('disposed without release leaves all its records first in line', () => {
      const { ring, consumer } = filled();
      {
        using batch = consumer.peek() as Batch;
        expect(batch.count).toBe(5);
      }
      expect(ring.stats().read).toBe(0);
      expect(drainStrings(consumer)).toEqual(['0', '1', '2', '3', '4']);
    });

    test('released and then disposed is consumed once', () => {
      const { ring, consumer } = filled();
      {
        using batch = consumer.peek(2) as Batch;
        batch.release();
      }
      expect(ring.stats().read).toBe(2);
      expect(drainStrings(consumer)).toEqual(['2', '3', '4']);
    });

    test.each([6, -1, 0.5, NaN, '1', null])('released by %s of 5 is INVALID_ARGUMENT and stays', (count) => {
      const { ring, consumer } = filled();
      const batch = consumer.peek() as Batch;
      expect(codeOf(() => batch.release(count as number))).toBe('INVALID_ARGUMENT');
      expect(ring.stats().read).toBe(0);
      batch.release();
      expect(ring.stats().read).toBe(5);
    });

    test('holds its room until it is released', () => {
      const { producer, consumer } = createEnds();
      fillUp(producer);
      const batch = consumer.peek() as Batch;
      expect(batch.count).toBeGreaterThan(1);
      expect(producer.tryWrite('x')).toBe(false);
      batch.release(1);
      batch[Symbol.dispose]();
      expect(producer.tryWrite('x')).toBe(true);
    });

    test('is not disturbed by records that arrive behind it', () => {
      const { producer, consumer } = filled(2);
      const batch = consumer.peek() as Batch;
      for (let i = 2; i < 20; i += 1) producer.tryWrite(`${i}`);
      expect(textsOf(batch)).toEqual(['0', '1']);
      batch.release();
      expect(consumer.tryRead()?.toString()).toBe('2');
    });

    test('stays readable when its consumer is closed, and its records are not consumed', () => {
      const { ring, consumer } = filled();
      const batch = consumer.peek() as Batch;
      consumer.close();
      expect(textsOf(batch)).toEqual(['0', '1', '2', '3', '4']);
      batch[Symbol.dispose]();
      expect(ring.stats().read).toBe(0);
      expect(drainStrings(ring.consumer())).toEqual(['0', '1', '2', '3', '4']);
    });

    test('stays readable when its whole ring is closed', () => {
      const { ring, consumer } = filled();
      const batch = consumer.peek() as Batch;
      ring.close();
      expect(textsOf(batch)).toEqual(['0', '1', '2', '3', '4']);
      batch[Symbol.dispose]();
      batch[Symbol.dispose]();
    });
  });
});
