// Every string, however V8 keeps it and whatever way it is written, arrives as `Buffer.from` encodes it,
// beside whatever else waits in the ring.
import fc from 'fast-check';
import type { Producer } from 'shmring';
import { describe, expect, test } from 'vitest';
import { thrown } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { seedFor } from '../helpers/seed.js';

/** UTF-16 units: text, anything at all, and halves of pairs. */
const units = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  { weight: 1, arbitrary: fc.integer({ min: 0x80, max: 0xff }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
  { weight: 1, arbitrary: fc.integer({ min: 0xd800, max: 0xdfff }) },
);

/** A few units, repeated and cut: lengths around those where another way is taken. */
const contents = fc
  .tuple(
    fc.array(units, { minLength: 1, maxLength: 12 }),
    fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 130 }) },
      { weight: 2, arbitrary: fc.integer({ min: 500, max: 530 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 5000 }) },
    ),
    // ASCII, Latin-1, at most two bytes a unit, anything.
    fc.constantFrom(0x7f, 0xff, 0x7ff, 0xffff),
  )
  .map(([some, length, mask]) => {
    const text = String.fromCharCode(...some.map((unit) => unit & mask));
    return text.repeat(Math.ceil(length / some.length)).slice(0, length);
  });

/** The same text in the ways in which V8 keeps one. */
const REPRESENTATIONS: ((text: string) => string)[] = [
  (text) => text,
  // A rope, where it is long enough to be one.
  (text) => text.slice(0, text.length / 2) + text.slice(text.length / 2),
  // A rope of which one side is a rope, and one half in two bytes a unit.
  (text) => `${text.slice(0, text.length / 3)}${`${text.slice(text.length / 3)}\u0416`.slice(0, -1)}`,
  // A part of a longer one.
  (text) => `before ${text} behind`.slice(7, 7 + text.length),
  // In two bytes a unit, whatever its units are.
  (text) => `\u0416${text}`.slice(1),
  (text) => Buffer.from(text, 'utf16le').toString('utf16le'),
];

const strings = fc
  .tuple(contents, fc.constantFrom(...REPRESENTATIONS))
  .map(([text, representation]) => representation(text));

/** Every call that takes a record and does not wait: whether it was written. */
const WAYS: Record<string, (producer: Producer, text: string) => boolean> = {
  tryWrite: (producer, text) => producer.tryWrite(text),
  writeSync: (producer, text) => producer.writeSync(text, { timeoutMs: 0 }),
  tryWriteBatch: (producer, text) => producer.tryWriteBatch([text]) === 1,
};

const steps = fc.array(fc.tuple(strings, fc.constantFrom(...Object.keys(WAYS)), fc.nat(2)), {
  minLength: 1,
  maxLength: 40,
});

eachKind(({ kind, createEnds, span, maxRecord }) => {
  describe('strings', () => {
    test('arrive as Buffer.from encodes them, and leave what waits as it is', () => {
      const most = maxRecord();
      fc.assert(
        fc.property(steps, (all) => {
          const { ring, producer, consumer } = createEnds();
          const waiting: Buffer[] = [];
          for (const [text, way, reads] of all) {
            const bytes = Buffer.from(text);
            const write = () => WAYS[way]?.(producer, text);
            if (bytes.length > most) {
              expect(thrown(write)).toMatchObject({
                code: 'ERR_SHMRING_TOO_LARGE',
                byteLength: bytes.length,
                maxRecord: most,
              });
            } else {
              const { full } = ring.stats();
              if (write()) waiting.push(bytes);
              else expect(ring.stats().full, way).toBe(full + 1);
            }
            for (let i = 0; i < reads && waiting.length > 0; i += 1) {
              expect(consumer.tryRead()).toEqual(waiting.shift());
            }
          }
          for (const bytes of waiting) expect(consumer.tryRead()).toEqual(bytes);
          expect(consumer.tryRead()).toBeUndefined();
          ring.close();
        }),
        { seed: seedFor(`strings in a ring of kind ${kind}`), numRuns: 60 },
      );
    });

    test.each([
      ['ASCII', 'x'],
      ['Latin-1', 'é'],
      ['three-byte characters', '日'],
      ['pairs', '😀'],
      ['lone surrogates', '\ud83d'],
      ['pairs after a character', 'a😀'],
    ])('of %s are accepted up to maxRecord bytes, and refused with their length beyond', (_, some) => {
      const { producer, consumer } = createEnds();
      const most = maxRecord();
      const count = Math.floor(most / Buffer.byteLength(some));
      for (let more = -2; more <= 3; more += 1) {
        const text = some.repeat(count + more);
        const bytes = Buffer.from(text);
        if (bytes.length > most) {
          expect(thrown(() => producer.tryWrite(text))).toMatchObject({ byteLength: bytes.length });
          expect(thrown(() => producer.writeSync(text))).toMatchObject({ byteLength: bytes.length });
        } else {
          // The first may only put padding up to the end of the buffer.
          if (!producer.tryWrite(text)) {
            expect(consumer.tryRead()).toBeUndefined();
            expect(producer.tryWrite(text)).toBe(true);
          }
          expect(consumer.tryRead()).toEqual(bytes);
        }
      }
    });

    test('of a megabyte, in memory of their own, arrive whole', () => {
      const { producer, consumer } = createEnds({ capacity: 1 << 22 });
      const length = (1 << 20) - span(0);
      // Node keeps strings of this size outside of V8's heap.
      for (const text of [
        Buffer.alloc(length - 8, 'abc').toString('latin1'),
        Buffer.alloc(length - 8, 'é', 'latin1')
          .toString('latin1')
          .slice(0, length / 2 - 8),
        Buffer.alloc(2 * length, 'a\u0416', 'utf16le')
          .toString('utf16le')
          .slice(0, length / 2 - 8),
      ]) {
        expect(producer.tryWrite(text)).toBe(true);
        expect(consumer.tryRead()?.equals(Buffer.from(text))).toBe(true);
      }
    });
  });
});
