// The bytes are the handler's until it returns: one that goes on later would read other records.
import { describe, expect, test } from 'vitest';
import { codeOf } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings } from '../helpers/rings.js';

eachKind(({ createEnds }) => {
  const unhandled: unknown[] = [];
  const hear = (reason: unknown) => unhandled.push(reason);

  /** Handlers as TypeScript lets them through: what a void function returns is nobody's business. */
  const REFUSED: [string, () => void][] = [
    ['async', async () => {}],
    [
      'async and fails',
      async () => {
        throw new Error('of the handler');
      },
    ],
    ['not async, but returns a promise', () => Promise.resolve(true)],
    // biome-ignore lint/suspicious/noThenProperty: what is no promise of the language's own is refused too.
    ['not async, but returns something with a then', () => ({ then() {} })],
  ];

  describe.each(['drain', 'drainSync'] as const)('%s with a handler that is', (call) => {
    test.each(REFUSED)('%s: refused, and the record stays first', async (_, handler) => {
      const { ring, producer, consumer } = createEnds();
      for (const record of ['0', '1', '2']) producer.tryWrite(record);
      process.on('unhandledRejection', hear);
      let seen = 0;
      const second = () => (seen++ === 1 ? handler() : undefined);
      expect(codeOf(() => consumer[call](second))).toBe('INVALID_ARGUMENT');
      // Where a rejection is unhandled, it is told of by then.
      await new Promise((resolve) => setTimeout(resolve, 0));
      process.off('unhandledRejection', hear);
      expect(unhandled).toEqual([]);
      expect(seen).toBe(2);
      expect(ring.stats()).toMatchObject({ read: 1 });
      expect(drainStrings(consumer)).toEqual(['1', '2']);
    });

    // biome-ignore lint/suspicious/noThenProperty: a property of that name is no method yet.
    test.each([undefined, null, true, 0, 1, '', 'then', {}, [], () => {}, Symbol('x'), { then: 1 }])(
      'one that returns %s: goes on',
      (answer) => {
        const { producer, consumer } = createEnds();
        for (const record of ['0', '1', '2']) producer.tryWrite(record);
        expect(consumer[call](() => answer as undefined)).toBe(3);
      },
    );
  });
});
