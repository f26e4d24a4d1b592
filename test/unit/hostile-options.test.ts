// Options whose getters throw, meddle or are asked too often: nothing of the call has happened yet.
import { Ring, RingError } from 'shmring';
import { describe, expect, test } from 'vitest';
import {
  CALLS,
  EACH_OPTION,
  expectToWork,
  failureOf,
  optionsWith,
  revoked,
  rightOptions,
} from '../helpers/bad-arguments.js';
import { closing, createEnds, createRing, type Ends } from '../helpers/rings.js';
import { sleep } from '../helpers/time.js';

describe('options', () => {
  test.each(EACH_OPTION)(
    'of %s whose getter of %s throws let that very error through',
    async (_, option, call, known) => {
      const ends = createEnds();
      const error = new Error('from a getter');
      const options = optionsWith(known, option, () => {
        throw error;
      });
      expect(await failureOf(() => call(ends, options as never))).toBe(error);
      expectToWork(ends);
    },
  );

  test.each(EACH_OPTION)('of %s are asked for %s once', async (_, option, call, known) => {
    let asked = 0;
    const options = optionsWith(known, option, () => {
      asked += 1;
      return undefined;
    });
    try {
      await call(createEnds(), options as never);
    } catch (error) {
      // Without a kind, say.
      expect(error).toBeInstanceOf(RingError);
    }
    expect(asked).toBe(1);
  });

  test.each(EACH_OPTION)(
    'of %s may do anything while they are asked for %s',
    async (_, option, call, known) => {
      const meddlers: ((ends: Ends) => unknown)[] = [
        ({ ring }) => ring.close(),
        ({ producer }) => producer.close(),
        ({ consumer }) => consumer.close(),
        ({ ring }) => ring.seal(),
        ({ ring }) => ring.unlink(),
        ({ producer }) => producer.tryWriteBatch(['a', 'b']),
        ({ producer }) => producer.tryClaim(8),
        ({ consumer }) => consumer.drain(() => {}),
        ({ consumer }) => consumer.peek(),
        ({ ring }) => closing(Ring.open(ring.name)),
        () => createRing(),
      ];
      for (const meddle of meddlers) {
        const ends = createEnds();
        const neighbour = createEnds();
        const options = optionsWith(known, option, () => {
          meddle(ends);
          return option === 'timeoutMs' ? 0 : undefined;
        });
        const settled = failureOf(() => call(ends, options as never)).then(
          (error) => expect(error, String(meddle)).toBeInstanceOf(RingError),
          () => undefined,
        );
        // What the meddler took away is waited for where there is no time-out.
        await Promise.race([settled, sleep(20)]);
        expectToWork(neighbour);
      }
    },
  );

  test.each(CALLS)(
    'of %s that are a revoked Proxy let the error of the language through',
    async (_, __, call) => {
      const ends = createEnds();
      expect(await failureOf(() => call(ends, revoked({}) as never))).toBeInstanceOf(TypeError);
      expectToWork(ends);
    },
  );

  test.each(CALLS)(
    'of %s that are a Proxy which will not tell its keys let its error through',
    async (_, __, call) => {
      const ends = createEnds();
      const error = new Error('from a trap');
      const ownKeys = () => {
        throw error;
      };
      expect(await failureOf(() => call(ends, new Proxy({}, { ownKeys }) as never))).toBe(error);
      expectToWork(ends);
    },
  );

  test.each(CALLS)('of %s may be a Proxy, a function-less prototype or frozen', async (_, known, call) => {
    const base = rightOptions(known);
    for (const options of [
      new Proxy(base, {}),
      Object.assign(Object.create(null), base),
      Object.freeze({ ...base }),
      Object.create(base),
    ]) {
      const ends = createEnds();
      await call(ends, options as never);
      expectToWork(ends);
    }
  });
});
