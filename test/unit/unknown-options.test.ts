// An option that a call does not know: refused, since what it was meant for would silently not happen.
import { placeThread, Ring } from 'shmring';
import { afterEach, describe, expect, test } from 'vitest';
import {
  CALLS as CALLS_OF_RINGS,
  type Call,
  expectToWork,
  failureOf,
  rightOptions,
} from '../helpers/bad-arguments.js';
import { thrown } from '../helpers/errors.js';
import { createEnds } from '../helpers/rings.js';

const CALLS: typeof CALLS_OF_RINGS = [
  ...CALLS_OF_RINGS,
  ['placeThread', ['cpus', 'realtime'], (_, options: object) => placeThread(options)],
];
const ALL = [...new Set(CALLS.flatMap(([, known]) => known))];

/** What a call says of options with a key that it does not know. */
async function refusal(call: Call, options: object, key: string): Promise<Error> {
  const ends = createEnds();
  const error = (await failureOf(() => call(ends, options as never))) as Error;
  expect(error).toMatchObject({ name: 'RingError', code: 'ERR_SHMRING_INVALID_ARGUMENT' });
  expect(error.message).toContain(`"${key}" is no option of `);
  expect(error.message.length).toBeLessThan(300);
  expect(ends.ring.stats()).toMatchObject({ read: 0, full: 0, producers: 1, consumers: 1 });
  expectToWork(ends);
  return error;
}

describe('an option that the call does not know', () => {
  const others = CALLS.flatMap(([name, known, call]) =>
    ALL.filter((option) => !known.includes(option)).map((option) => [option, name, known, call] as const),
  );

  test.each(others)(
    '%s of %s is INVALID_ARGUMENT, though others know it',
    async (option, name, known, call) => {
      const { message } = await refusal(call, { ...rightOptions(known), [option]: undefined }, option);
      expect(message).toContain(name);
      for (const right of known) expect(message).toContain(right);
    },
  );

  test.each(CALLS)('of %s is not asked for its value', async (_, known, call) => {
    const get = () => {
      throw new Error('was asked');
    };
    const options = Object.defineProperty(rightOptions(known), 'nonsense', { get, enumerable: true });
    await refusal(call, options, 'nonsense');
  });

  test.each(CALLS)('of %s is refused too when it is inherited, as values are', async (_, known, call) => {
    await refusal(
      call,
      Object.create({ nonsense: 1 }, Object.getOwnPropertyDescriptors(rightOptions(known))),
      'nonsense',
    );
    await refusal(call, Object.assign(Object.create(null), { nonsense: 1 }), 'nonsense');
  });

  test.each([
    ['timeout', 'timeoutMs'],
    ['timeoutMS', 'timeoutMs'],
    ['timeOutMs', 'timeoutMs'],
    ['timeoutMillis', undefined],
    ['sginal', 'signal'],
    ['requiresConsumer', 'requireConsumer'],
    ['x', undefined],
    ['', undefined],
    ['signal\0', 'signal'],
    ['timeoutMs'.repeat(1000), undefined],
  ])('%j is told the nearest one that there is: %s', (key, nearest) => {
    const { producer } = createEnds();
    const given = { [key]: 5 } as object;
    const { message } = thrown(() => producer.waitForRoomSync(8, given)) as Error;
    const hint = nearest === 'timeoutMs' ? '; did you mean timeoutMs?' : '';
    expect(message.endsWith(`which takes timeoutMs${hint}`)).toBe(true);
    expect(message.length).toBeLessThan(300);
    return expect(producer.write('x', given)).rejects.toThrow(
      nearest === undefined ? /requireConsumer$/ : `did you mean ${nearest}?`,
    );
  });
});

describe('options', () => {
  afterEach(() => {
    // biome-ignore lint/suspicious/noExplicitAny: what somebody has put there
    delete (Object.prototype as any).everywhere;
  });

  test.each(CALLS)('of %s may have symbols as keys, and be undefined', async (_, known, call) => {
    const ends = createEnds();
    const none = Object.fromEntries(known.map((option) => [option, undefined]));
    await call(ends, { ...none, ...rightOptions(known), [Symbol('mine')]: 1 } as never);
    expectToWork(ends);
  });

  test('are not refused for what somebody has put into every object', () => {
    // biome-ignore lint/suspicious/noExplicitAny: as some old library does
    (Object.prototype as any).everywhere = 1;
    const { producer } = createEnds();
    expect(producer.writeSync('x', { timeoutMs: 0 })).toBe(true);
    const { message } = thrown(() => producer.writeSync('x', { everywhere: 1 } as object)) as Error;
    expect(message).toContain('"everywhere" is no option');
  });

  test('that are an array or a view are refused for their elements', () => {
    expect((thrown(() => Ring.list(['/dev/shm'] as object)) as Error).message).toContain('"0" is no option');
    expect((thrown(() => Ring.list(Buffer.from('x') as object)) as Error).message).toContain('"0" is no');
  });
});
