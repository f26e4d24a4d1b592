import type { Input } from 'shmring';
import { describe, expect, test } from 'vitest';
import { codeOf, thrown } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings, fillUp } from '../helpers/rings.js';

eachKind(({ capacity, span, maxRecord, createEnds, createRing }) => {
  describe('tryWriteBatch', () => {
    test('writes strings and views in order and returns how many', () => {
      const { ring, producer, consumer } = createEnds();
      const records = ['a', Buffer.from('b'), '', new Uint16Array([0x6363]), 'ü'];
      expect(producer.tryWriteBatch(records)).toBe(5);
      expect(drainStrings(consumer)).toEqual(['a', 'b', '', 'cc', 'ü']);
      expect(ring.stats()).toMatchObject({ written: 5, read: 5, full: 0 });
    });

    test('of nothing writes nothing', () => {
      const { ring, producer } = createEnds();
      expect(producer.tryWriteBatch([])).toBe(0);
      expect(ring.stats()).toMatchObject({ written: 0, full: 0 });
    });

    test.each([
      ['a number', 7, 'INVALID_ARGUMENT'],
      ['nothing', undefined, 'INVALID_ARGUMENT'],
      ['too large', Buffer.alloc(maxRecord() + 1), 'TOO_LARGE'],
      ['a string that is too large', 'é'.repeat(maxRecord() / 2 + 1), 'TOO_LARGE'],
    ])('with a record that is %s, wherever, writes none at all', (_, bad, code) => {
      const { ring, producer, consumer } = createEnds();
      for (const at of [0, 1, 5, 10]) {
        const records: unknown[] = Array.from({ length: 10 }, (__, i) => `${i}`);
        records.splice(at, 0, bad);
        expect(
          codeOf(() => producer.tryWriteBatch(records as Input[])),
          `at ${at}`,
        ).toBe(code);
      }
      expect(consumer.tryRead()).toBeUndefined();
      expect(ring.stats().written).toBe(0);
    });

    test.each([undefined, null, 7, 'abc', {}, Buffer.from('abc')])(
      'of %s instead of an array is INVALID_ARGUMENT',
      (records) => {
        const { ring, producer } = createEnds();
        expect(codeOf(() => producer.tryWriteBatch(records as never))).toBe('INVALID_ARGUMENT');
        expect(ring.stats().written).toBe(0);
      },
    );

    test('with a hole in the array writes none at all', () => {
      const { ring, producer } = createEnds();
      // biome-ignore lint/suspicious/noSparseArray: that is what is tried
      expect(codeOf(() => producer.tryWriteBatch(['a', , 'b'] as string[]))).toBe('INVALID_ARGUMENT');
      expect(ring.stats().written).toBe(0);
    });

    test('with a hole among thousands of records writes none at all', () => {
      const { ring, producer } = createEnds({ capacity: 131_072 });
      for (const hole of [0, 4095, 4096, 5999]) {
        const records = Array(6000).fill(Buffer.from('x'));
        delete records[hole];
        expect(
          codeOf(() => producer.tryWriteBatch(records)),
          `hole at ${hole}`,
        ).toBe('INVALID_ARGUMENT');
      }
      expect(ring.stats().written).toBe(0);
    });

    test('lets the error of a getter through, wherever, and writes none at all', () => {
      const { ring, producer } = createEnds();
      const error = new Error('from a getter');
      const records = ['a', 'b', 'c'];
      Object.defineProperty(records, 2, {
        get() {
          throw error;
        },
      });
      expect(thrown(() => producer.tryWriteBatch(records))).toBe(error);
      expect(ring.stats().written).toBe(0);
      expect(producer.tryWrite('goes on')).toBe(true);
    });

    test('whose getter writes, closes or shrinks the array tears nothing', () => {
      const meddlers: ((ends: ReturnType<typeof createEnds>, records: string[]) => void)[] = [
        ({ producer }) => void producer.tryWrite('nested'),
        ({ producer }) => void producer.tryWriteBatch(['nested', 'nested']),
        ({ producer }) => void producer.tryClaim(8),
        ({ producer }) => producer.close(),
        ({ ring }) => ring.close(),
        (_, records) => void records.splice(1),
      ];
      for (const meddle of meddlers) {
        const ends = createEnds();
        const records = ['first', 'x', 'third'];
        Object.defineProperty(records, 1, {
          configurable: true,
          get() {
            try {
              meddle(ends, records);
            } catch {
              // Refused: as good as allowed, as long as nothing is torn.
            }
            return 'second';
          },
        });
        try {
          ends.producer.tryWriteBatch(records);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_SHMRING_/) });
        }
        if (ends.consumer.closed) continue;
        for (const text of drainStrings(ends.consumer)) {
          expect(['first', 'second', 'third', 'nested'], String(meddle)).toContain(text);
        }
      }
    });

    test('whose getter gives something else each time writes only what was checked', () => {
      const { ring, producer, consumer } = createEnds();
      const answers: unknown[] = [Buffer.from('a'), 'b', 7, undefined, Buffer.from('c'), 'd', {}, 'e'];
      for (let offset = 0; offset < answers.length; offset += 1) {
        let asked = offset;
        const records = [Buffer.from('first'), 'x', Buffer.from('last')];
        Object.defineProperty(records, 1, {
          get: () => answers[asked++ % answers.length],
        });
        const before = ring.stats().written;
        let written = 0;
        try {
          written = producer.tryWriteBatch(records);
          expect(written).toBe(3);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_SHMRING_INVALID_ARGUMENT' });
        }
        expect(ring.stats().written).toBe(before + written);
        const [first, middle, last] = drainStrings(consumer);
        if (written === 0) continue;
        expect([first, last]).toEqual(['first', 'last']);
        expect(['a', 'b', 'c', 'd', 'e']).toContain(middle);
      }
    });

    test('that does not fit as a whole writes what fits and says so', () => {
      const { ring, producer, consumer } = createEnds();
      const records = Array.from({ length: capacity / 64 + 36 }, (_, i) => `${i}`.padEnd(56, '.'));
      const first = producer.tryWriteBatch(records);
      expect(first).toBe(capacity / 64);
      expect(ring.stats()).toMatchObject({ written: first, recordsWaiting: first });
      expect(producer.tryWriteBatch(records.slice(first))).toBe(0);
      expect(drainStrings(consumer)).toEqual(records.slice(0, first));
      expect(producer.tryWriteBatch(records.slice(first))).toBe(36);
      expect(drainStrings(consumer)).toEqual(records.slice(first));
    });

    test('of one part that does not fit writes nothing of it', () => {
      const { ring, producer, consumer } = createEnds();
      const filled = (capacity / 64) * 0.75;
      producer.tryWriteBatch(Array(filled).fill('x'.repeat(56)));
      const records = Array.from({ length: filled / 2 }, (_, i) => `${i}`.padEnd(56, '.'));
      expect(producer.tryWriteBatch(records)).toBe(0);
      expect(ring.stats().written).toBe(filled);
      expect(drainStrings(consumer)).toHaveLength(filled);
      // At the second try at most: the first may only put padding up to the end of the buffer.
      const written = producer.tryWriteBatch(records);
      expect([0, records.length]).toContain(written);
      if (written === 0) {
        expect(consumer.tryRead()).toBeUndefined();
        expect(producer.tryWriteBatch(records)).toBe(records.length);
      }
      expect(drainStrings(consumer)).toEqual(records);
    });

    test('of thousands of records is one part too, as long as it is no larger than maxRecord', () => {
      const half = 8192 * span(0);
      const { ring, producer, consumer } = createEnds({ capacity: 2 * half });
      producer.tryWrite(Buffer.alloc(half - 8));
      producer.tryWrite('a little more than half');
      const records = Array(8192).fill('');
      expect(producer.tryWriteBatch(records)).toBe(0);
      expect(ring.stats().written).toBe(2);
      expect(consumer.drain(() => {})).toBe(2);
      const written = producer.tryWriteBatch(records);
      if (written === 0) {
        expect(consumer.tryRead()).toBeUndefined();
        expect(producer.tryWriteBatch(records)).toBe(8192);
      } else expect(written).toBe(8192);
      expect(consumer.drain(() => {})).toBe(8192);
    });

    test('counts a refusal when it is cut short', () => {
      const { ring, producer } = createEnds();
      fillUp(producer);
      const { full } = ring.stats();
      expect(producer.tryWriteBatch(['a', 'b'])).toBe(0);
      expect(ring.stats().full).toBe(full + 1);
    });

    test('larger than maxRecord goes through in parts, in order', () => {
      const ring = createRing();
      const producer = ring.producer();
      const consumer = ring.consumer();
      const records = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(i % 200, '.'));
      const seen: string[] = [];
      let written = 0;
      while (written < records.length) {
        const more = producer.tryWriteBatch(records.slice(written));
        const drained = drainStrings(consumer);
        expect(drained).toHaveLength(more);
        seen.push(...drained);
        written += more;
      }
      expect(seen).toEqual(records);
    });

    test('of strings keeps lone surrogates and long characters whole', () => {
      const { producer, consumer } = createEnds();
      const texts = ['\ud83d', '\ude42', '😀', 'ß', '', 'abc'];
      expect(producer.tryWriteBatch(texts)).toBe(6);
      expect(drainStrings(consumer)).toEqual(texts.map((text) => Buffer.from(text).toString()));
    });
  });
});
