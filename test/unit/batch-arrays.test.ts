// Arrays of records that are not plain arrays.
import { describe, expect, test } from 'vitest';
import { expectToWork, revoked } from '../helpers/bad-arguments.js';
import { codeOf } from '../helpers/errors.js';
import { createEnds, drainStrings } from '../helpers/rings.js';

describe('an array of records', () => {
  const records = [Buffer.from('a'), Buffer.from('b')];

  test('with an iterator of its own is read by its indices', () => {
    const { producer, consumer } = createEnds();
    const iterators = [
      function* () {
        yield new Float64Array(100);
      },
      () => {
        throw new Error('asked');
      },
      7,
    ];
    for (const value of iterators) {
      const odd = Object.defineProperty([...records], Symbol.iterator, { value });
      expect(producer.tryWriteBatch(odd)).toBe(2);
      expect(drainStrings(consumer)).toEqual(['a', 'b']);
    }
  });

  test('of a subclass, from another realm, frozen or behind a Proxy is an array', async () => {
    const { producer, consumer } = createEnds();
    const { runInNewContext } = await import('node:vm');
    class Mine extends Array<Buffer> {}
    const arrays = [
      Mine.from(records),
      Object.freeze([...records]),
      new Proxy(records, {}),
      Object.assign(runInNewContext('[]'), records),
      Object.setPrototypeOf([...records], null),
    ];
    for (const array of arrays) {
      expect(producer.tryWriteBatch(array)).toBe(2);
      expect(drainStrings(consumer)).toEqual(['a', 'b']);
    }
  });

  test('that is a revoked Proxy, or only looks like one, is INVALID_ARGUMENT', () => {
    const ends = createEnds();
    const arrays = [revoked(records), { length: 1, 0: 'a' }, new Set(records), Object.create(records)];
    for (const array of arrays) {
      expect(codeOf(() => ends.producer.tryWriteBatch(array as never))).toBe('INVALID_ARGUMENT');
    }
    expectToWork(ends);
  });

  test.each([2 ** 53, Infinity, 2 ** 32 + 1])(
    'that claims a length of %s ends at what is no record',
    (length) => {
      const ends = createEnds();
      const liar = new Proxy<Buffer[]>([], {
        get: (target, key, self) => (key === 'length' ? length : Reflect.get(target, key, self)),
      });
      expect(codeOf(() => ends.producer.tryWriteBatch(liar))).toBe('INVALID_ARGUMENT');
      expectToWork(ends);
    },
  );
});
