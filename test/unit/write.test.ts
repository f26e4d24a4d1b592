import { describe, expect, test } from 'vitest';
import { codeOf } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings, fillUp } from '../helpers/rings.js';

eachKind(({ capacity, span, createEnds, createRing }) => {
  describe('tryWrite', () => {
    test.each([
      ['ASCII', 'hello'],
      ['Latin-1', 'Grüße'],
      ['two-byte characters', 'Привет'],
      ['three-byte characters', '日本語'],
      ['four-byte characters', '🙂🙃'],
      ['a combined emoji', '👩‍👩‍👧'],
      ['NUL', 'a\0b'],
      ['nothing', ''],
      ['a lone high surrogate', 'a\ud83d'],
      ['a lone low surrogate', '\ude42b'],
      ['surrogates in the wrong order', '\ude42\ud83d'],
      ['nothing but lone surrogates', '\ud800'.repeat(100)],
      ['a mix that changes its width', 'a\u00ff\u0100\uffff😀\udc00z'],
    ])('writes a string of %s as UTF-8, lone surrogates as U+FFFD', (_, text) => {
      const { producer, consumer } = createEnds();
      expect(producer.tryWrite(text)).toBe(true);
      expect(consumer.tryRead()).toEqual(Buffer.from(text, 'utf8'));
    });

    test('writes strings however they are represented', () => {
      const { producer, consumer } = createEnds();
      const flat = 'abc'.repeat(50);
      const rope = flat + String(Math.random());
      const slice = rope.slice(20, 140);
      const wide = `${flat}\u0416`.slice(0, 100);
      for (const text of [rope, slice, wide]) {
        producer.tryWrite(text);
        expect(consumer.tryRead()?.toString()).toBe(text);
      }
    });

    test('copies: what happens to the buffer afterwards does not matter', () => {
      const { producer, consumer } = createEnds();
      const record = Buffer.from('before');
      producer.tryWrite(record);
      record.fill('x');
      expect(consumer.tryRead()?.toString()).toBe('before');
    });

    test('takes records of every length up to maxRecord, byte for byte', () => {
      const { ring, producer, consumer } = createEnds();
      for (const length of [0, 1, 7, 8, 9, 63, 64, 65, 1000, ring.maxRecord - 1, ring.maxRecord]) {
        const record = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + length) & 255));
        // The first may only put padding up to the end of the buffer.
        if (!producer.tryWrite(record)) {
          expect(consumer.tryRead()).toBeUndefined();
          expect(producer.tryWrite(record), `${length} bytes`).toBe(true);
        }
        expect(consumer.tryRead(), `${length} bytes`).toEqual(record);
      }
    });

    test('keeps empty records apart and in order', () => {
      const { producer, consumer } = createEnds();
      for (const text of ['', 'a', '', '', 'b', '']) producer.tryWrite(text);
      expect(drainStrings(consumer)).toEqual(['', 'a', '', '', 'b', '']);
    });

    test('of more than maxRecord bytes throws TOO_LARGE and writes nothing', () => {
      const { ring, producer } = createEnds();
      const record = Buffer.alloc(ring.maxRecord + 1);
      expect(codeOf(() => producer.tryWrite(record))).toBe('TOO_LARGE');
      expect(codeOf(() => producer.tryWrite('é'.repeat(ring.maxRecord / 2 + 1)))).toBe('TOO_LARGE');
      expect(codeOf(() => producer.tryWrite('x'.repeat(1 << 20)))).toBe('TOO_LARGE');
      expect(codeOf(() => producer.writeSync(record))).toBe('TOO_LARGE');
      expect(ring.stats()).toMatchObject({ written: 0, full: 0 });
    });

    test('a string is too large by its bytes, not by its characters', () => {
      const { ring, producer, consumer } = createEnds();
      const text = 'é'.repeat(ring.maxRecord / 2);
      expect(producer.tryWrite(text)).toBe(true);
      expect(consumer.tryRead()?.toString()).toBe(text);
    });

    test.each([undefined, null, 7, true, {}, [1, 2], new ArrayBuffer(8), Symbol('x'), 7n, () => {}])(
      'of %s is INVALID_ARGUMENT and writes nothing',
      (record) => {
        const { ring, producer } = createEnds();
        expect(codeOf(() => producer.tryWrite(record as string))).toBe('INVALID_ARGUMENT');
        expect(codeOf(() => producer.writeSync(record as string))).toBe('INVALID_ARGUMENT');
        expect(ring.stats().written).toBe(0);
      },
    );

    test('is false when the ring is full, and true again when room was released', () => {
      const { ring, producer, consumer } = createEnds();
      expect(fillUp(producer, 56)).toBe(capacity / 64);
      expect(producer.tryWrite(Buffer.alloc(1))).toBe(false);
      expect(producer.tryWrite('')).toBe(false);
      expect(ring.stats()).toMatchObject({ full: 3, recordsWaiting: capacity / 64 });
      consumer.tryRead();
      expect(producer.tryWrite(Buffer.alloc(56))).toBe(true);
      expect(producer.tryWrite('')).toBe(false);
    });

    test('a refused write leaves what waits untouched', () => {
      const { producer, consumer } = createEnds();
      const texts: string[] = [];
      for (let i = 0; producer.tryWrite(`record ${i} ${'x'.repeat(i % 50)}`); i += 1) {
        texts.push(`record ${i} ${'x'.repeat(i % 50)}`);
      }
      for (let i = 0; i < 10; i += 1) expect(producer.tryWrite('y'.repeat(500))).toBe(false);
      expect(drainStrings(consumer)).toEqual(texts);
    });

    test('takes the largest record at every place of an empty ring, at the second try at most', () => {
      const ring = createRing();
      const consumer = ring.consumer();
      const producer = ring.producer();
      const largest = Buffer.alloc(ring.maxRecord, 0xa5);
      const largestFits = (): boolean => {
        if (producer.tryWrite(largest)) return true;
        expect(consumer.tryRead(), 'only padding was put').toBeUndefined();
        return producer.tryWrite(largest);
      };
      const moveTo = (place: number): void => {
        for (;;) {
          const at = (8 * consumer.position) % capacity;
          const way = (place - at + capacity) % capacity;
          if (way === 0) return;
          const bytes = Math.min(way, capacity - at, span(ring.maxRecord));
          expect(producer.tryWrite(Buffer.alloc(bytes - 8))).toBe(true);
          expect(consumer.tryRead()?.length).toBe(bytes - 8);
        }
      };
      for (let place = 0; place < capacity; place += span(0)) {
        moveTo(place);
        expect(largestFits(), `at ${place}`).toBe(true);
        expect(consumer.tryRead()?.equals(largest)).toBe(true);
      }
    });
  });

  describe('writeSync', () => {
    test('writes at once when there is room', () => {
      const { producer, consumer } = createEnds();
      expect(producer.writeSync('a')).toBe(true);
      expect(producer.writeSync(Buffer.from('b'), { timeoutMs: 0 })).toBe(true);
      expect(drainStrings(consumer)).toEqual(['a', 'b']);
    });

    test('is false after the time-out, not before, when nobody makes room', () => {
      const { ring, producer } = createEnds();
      const count = fillUp(producer);
      expect(producer.writeSync('x', { timeoutMs: 0 })).toBe(false);
      const before = performance.now();
      expect(producer.writeSync('x', { timeoutMs: 150 })).toBe(false);
      expect(performance.now() - before).toBeGreaterThanOrEqual(149);
      expect(ring.stats().written).toBe(count);
    });

    test('with requireConsumer throws NO_CONSUMER instead of waiting for nobody', () => {
      const ring = createRing();
      const producer = ring.producer();
      const count = fillUp(producer);
      expect(codeOf(() => producer.writeSync('x', { requireConsumer: true }))).toBe('NO_CONSUMER');
      expect(ring.stats().written).toBe(count);
    });

    test('with requireConsumer waits as long as a consumer lives', () => {
      const { producer } = createEnds();
      fillUp(producer);
      expect(producer.writeSync('x', { requireConsumer: true, timeoutMs: 150 })).toBe(false);
    });
  });

  describe('consumerAlive', () => {
    test('follows the consumer that attaches and closes', () => {
      const ring = createRing();
      const producer = ring.producer();
      expect(producer.consumerAlive()).toBe(false);
      const consumer = ring.consumer();
      expect(producer.consumerAlive()).toBe(true);
      consumer.close();
      expect(producer.consumerAlive()).toBe(false);
      ring.consumer();
      expect(producer.consumerAlive()).toBe(true);
    });
  });
});
