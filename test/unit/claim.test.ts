import { describe, expect, test } from 'vitest';
import { codeOf, codeOfRejection } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings, fillUp } from '../helpers/rings.js';

eachKind(({ span, createEnds, createRing }) => {
  describe('tryClaim', () => {
    test('gives an offset into memory, a multiple of 8, and commit publishes what was put there', () => {
      const { producer, consumer } = createEnds();
      const offset = producer.tryClaim(11);
      expect(offset % 8).toBe(0);
      expect(producer.memory.write('hello there', offset)).toBe(11);
      expect(consumer.tryRead()).toBeUndefined();
      producer.commit();
      expect(consumer.tryRead()?.toString()).toBe('hello there');
    });

    test('of nothing is an empty record', () => {
      const { producer, consumer } = createEnds();
      expect(producer.tryClaim(0)).toBeGreaterThanOrEqual(0);
      producer.commit();
      expect(consumer.tryRead()?.length).toBe(0);
    });

    test('of maxRecord bytes lies wholly inside memory', () => {
      const { ring, producer, consumer } = createEnds();
      const offset = producer.tryClaim(ring.maxRecord);
      expect(offset).toBeGreaterThanOrEqual(0);
      expect(offset + ring.maxRecord).toBeLessThanOrEqual(producer.memory.length);
      producer.memory.fill(0x5a, offset, offset + ring.maxRecord);
      producer.commit();
      expect(consumer.tryRead()).toEqual(Buffer.alloc(ring.maxRecord, 0x5a));
    });

    test('is -1 when the ring is full, and then no claim is open', () => {
      const { ring, producer, consumer } = createEnds();
      fillUp(producer);
      const { full } = ring.stats();
      expect(producer.tryClaim(1)).toBe(-1);
      expect(ring.stats().full).toBe(full + 1);
      expect(codeOf(() => producer.commit())).toBe('INVALID_ARGUMENT');
      consumer.tryRead();
      expect(producer.tryClaim(8)).toBeGreaterThanOrEqual(0);
      producer.abort();
    });

    test('of more than maxRecord bytes throws TOO_LARGE and opens no claim', () => {
      const { ring, producer } = createEnds();
      for (const length of [ring.maxRecord + 1, 2 ** 31, 2 ** 32, 2 ** 32 + 8, 2 ** 53 - 1]) {
        expect(
          codeOf(() => producer.tryClaim(length)),
          `${length}`,
        ).toBe('TOO_LARGE');
      }
      expect(producer.tryWrite('no claim is open')).toBe(true);
    });

    test('while one is open, every other write throws CLAIM_OPEN and the claim stays', async () => {
      const { ring, producer, consumer } = createEnds();
      const offset = producer.tryClaim(8);
      for (const call of [
        () => producer.tryWrite('x'),
        () => producer.tryWriteBatch(['x']),
        () => producer.writeSync('x'),
        () => producer.tryClaim(8),
      ]) {
        expect(codeOf(call), String(call)).toBe('CLAIM_OPEN');
      }
      const write = async (): Promise<unknown> => producer.write('x');
      expect(await codeOfRejection(write())).toBe('CLAIM_OPEN');
      producer.memory.write('the same', offset);
      producer.commit();
      expect(drainStrings(consumer)).toEqual(['the same']);
      expect(ring.stats()).toMatchObject({ written: 1, aborted: 0 });
    });

    test('is shown by owners() with its position, length and age', () => {
      const { ring, producer } = createEnds();
      producer.tryWrite('12345678');
      const holds = (): unknown => ring.owners().find(({ role }) => role === 'producer')?.holds;
      expect(holds()).toBeUndefined();
      producer.tryClaim(100);
      expect(holds()).toMatchObject({ position: span(8) / 8, byteLength: 100, ageMs: expect.any(Number) });
      producer.commit(50);
      expect(holds()).toBeUndefined();
    });
  });

  describe('commit', () => {
    test.each([0, 1, 7, 8, 9, 99, 100])('of %i bytes of a claim of 100 publishes just these', (length) => {
      const { producer, consumer } = createEnds();
      const offset = producer.tryClaim(100);
      producer.memory.fill('abc', offset, offset + 100);
      producer.commit(length);
      producer.tryWrite('next');
      expect(consumer.tryRead()).toEqual(Buffer.alloc(100, 'abc').subarray(0, length));
      expect(consumer.tryRead()?.toString()).toBe('next');
    });

    test.each([101, -1, NaN, 1.5, '8', null, 2 ** 32 + 1])(
      'of %s bytes of a claim of 100 is INVALID_ARGUMENT and the claim stays open',
      (length) => {
        const { ring, producer, consumer } = createEnds();
        const offset = producer.tryClaim(100);
        expect(codeOf(() => producer.commit(length as number))).toMatch(/INVALID_ARGUMENT|TOO_LARGE/);
        expect(consumer.tryRead()).toBeUndefined();
        producer.memory.write('fine', offset);
        producer.commit(4);
        expect(consumer.tryRead()?.toString()).toBe('fine');
        expect(ring.stats().written).toBe(1);
      },
    );

    test('and abort without an open claim are INVALID_ARGUMENT', () => {
      const { ring, producer } = createEnds();
      expect(codeOf(() => producer.commit())).toBe('INVALID_ARGUMENT');
      expect(codeOf(() => producer.abort())).toBe('INVALID_ARGUMENT');
      producer.tryClaim(8);
      producer.commit();
      expect(codeOf(() => producer.commit())).toBe('INVALID_ARGUMENT');
      expect(codeOf(() => producer.abort())).toBe('INVALID_ARGUMENT');
      expect(ring.stats()).toMatchObject({ written: 1, aborted: 0 });
    });
  });

  describe('abort', () => {
    test('leaves no record behind and is counted', () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('1');
      const offset = producer.tryClaim(50);
      producer.memory.fill('x', offset, offset + 50);
      producer.abort();
      producer.tryWrite('2');
      expect(drainStrings(consumer)).toEqual(['1', '2']);
      expect(ring.stats()).toMatchObject({ written: 2, aborted: 1, abandoned: 0 });
    });

    test('a thousand times over uses up no room', () => {
      const { ring, producer, consumer } = createEnds();
      for (let i = 0; i < 1000; i += 1) {
        const offset = producer.tryClaim(1000);
        if (offset < 0) {
          // An aborted claim may have left padding, which a reader clears away.
          expect(consumer.tryRead()).toBeUndefined();
          expect(producer.tryClaim(1000)).toBeGreaterThanOrEqual(0);
        }
        producer.abort();
      }
      expect(ring.stats().aborted).toBe(1000);
      expect(consumer.tryRead()).toBeUndefined();
      expect(producer.tryWrite('still room')).toBe(true);
    });
  });

  describe('a claim', () => {
    test('that was open when the ring was sealed can still be committed, and ends the stream', () => {
      const { ring, producer, consumer } = createEnds();
      const offset = producer.tryClaim(4);
      producer.memory.write('last', offset);
      ring.seal();
      expect(consumer.waitSync({ timeoutMs: 50 })).toBe('timeout');
      producer.commit();
      expect(consumer.tryRead()?.toString()).toBe('last');
      expect(consumer.waitSync({ timeoutMs: 1000 })).toBe('ended');
      expect(codeOf(() => producer.tryClaim(4))).toBe('SEALED');
    });

    test('made in turn with plain writes keeps the order through many laps', () => {
      const ring = createRing();
      const producer = ring.producer();
      const consumer = ring.consumer();
      for (let i = 0; i < 3000; i += 1) {
        const text = `${i}`.padEnd(i % 97, '.');
        if (i % 2 === 0) {
          expect(producer.tryWrite(text)).toBe(true);
        } else {
          const offset = producer.tryClaim(200);
          producer.commit(producer.memory.write(text, offset));
        }
        expect(consumer.tryRead()?.toString()).toBe(text);
      }
    });
  });
});
