import { describe, expect, test } from 'vitest';
import { Checker, NO_FAULTS } from '../helpers/checker.mjs';
import { start } from '../helpers/children.js';
import { eachKind } from '../helpers/kinds.js';
import { batchLengthOf } from '../helpers/record.mjs';
import { within } from '../helpers/time.js';

eachKind(({ createRing }) => {
  const LOOKS = 3000;

  describe('batches that another process writes without pause', () => {
    test('are seen whole or not at all, at whatever moment a reader looks', async () => {
      const ring = createRing({ capacity: 65_536 });
      const consumer = ring.consumer();
      const checker = new Checker();
      const producer = start('producer', { name: ring.name, mode: 'batch', longest: 64 });
      await producer.message('attached');
      let boundary = 0;
      let looks = 0;
      const drain = (): number =>
        consumer.drain((memory, begin, end, position) => checker.accept(memory, begin, end, position));
      const atEndOfBatch = (): boolean => {
        while (boundary < checker.next(1)) boundary += batchLengthOf(boundary);
        return boundary === checker.next(1);
      };
      const reading = (async () => {
        while (looks < LOOKS) {
          const drained = drain();
          if (drained > 0) looks += 1;
          // A drain goes round the ring once at most: what is left of a batch then is there at once.
          while (!atEndOfBatch()) expect(drain(), 'the rest of a batch').toBeGreaterThan(0);
          if (drained === 0 || looks % 100 === 0) await new Promise(setImmediate);
        }
      })();
      await within(reading, `${LOOKS} looks`, 40_000);
      await producer.murder();
      expect(checker.verdict()).toEqual(NO_FAULTS);
      expect(checker.records).toBeGreaterThan(LOOKS);
    });
  });
});
