// Values that no honest caller gives: each is refused in a short sentence and changes nothing.
import { Ring, RingError, type WaitOptions } from 'shmring';
import { describe, expect, test } from 'vitest';
import {
  EACH_OPTION,
  expectToWork,
  FRACTIONS,
  failureOf,
  NUMBERS,
  optionsWith,
  revoked,
  VALUES,
} from '../helpers/bad-arguments.js';
import { codeOf, codeOfRejection, rejection, thrown } from '../helpers/errors.js';
import { createEnds, type Ends } from '../helpers/rings.js';

const none: WaitOptions = { timeoutMs: 0 };

/** Each option and argument, the values that it refuses, and the calls that look at it. */
const WRONG: [string, [string, unknown][], (value: never) => (ends: Ends) => unknown][] = [
  ...EACH_OPTION.map(([name, option, call, known]): (typeof WRONG)[number] => {
    const numeric = /timeoutMs|Micros|limit|capacity|max/.test(option);
    const whole = /limit|capacity|max/.test(option);
    const text = /label|directory/.test(option);
    const flag = /requireConsumer|prefault|hugePages/.test(option);
    const refused = [...VALUES, ...(numeric || !text ? NUMBERS : []), ...(whole ? FRACTIONS : [])];
    const values = refused.filter(
      ([kind, value]) =>
        !(text && kind === 'a string') &&
        !(flag && kind === 'true') &&
        !(option === 'pending' && typeof value === 'object' && value !== null),
    );
    return [
      `${option} of ${name}`,
      values,
      (value) => (ends) => call(ends, optionsWith(known, option, () => value) as never),
    ];
  }),
  [
    'the limit of drain',
    [...VALUES, ...NUMBERS, ...FRACTIONS],
    (limit) =>
      ({ consumer }) =>
        consumer.drain(() => {}, limit),
  ],
  [
    'the limit of peek',
    [...VALUES, ...NUMBERS, ...FRACTIONS],
    (limit) =>
      ({ consumer }) =>
        consumer.peek(limit),
  ],
  [
    'the length of a claim',
    [...VALUES, ...NUMBERS, ...FRACTIONS],
    (length) =>
      ({ producer }) =>
        producer.tryClaim(length),
  ],
  [
    'the length of a wait',
    [...VALUES, ...NUMBERS, ...FRACTIONS],
    (length) =>
      ({ producer }) =>
        producer.waitForRoomSync(length, none as never),
  ],
  [
    'the length of a waiting wait',
    [...VALUES, ...NUMBERS, ...FRACTIONS],
    (length) =>
      ({ producer }) =>
        producer.waitForRoom(length, none),
  ],
  [
    'the handler of drain',
    VALUES.filter(([kind]) => !kind.includes('function')),
    (handler) =>
      ({ consumer }) =>
        consumer.drain(handler),
  ],
  [
    'the handler of drainSync',
    VALUES.filter(([kind]) => !kind.includes('function')),
    (handler) =>
      ({ consumer }) =>
        consumer.drainSync(handler, none as never),
  ],
  [
    'the options of drainSync',
    VALUES.filter(([kind]) => /null|string|function$|symbol|bigint|true/.test(kind)),
    (options) =>
      ({ consumer }) =>
        consumer.drainSync(() => {}, options),
  ],
  [
    'the records of a batch',
    VALUES.filter(([kind]) => kind !== 'an array'),
    (records) =>
      ({ producer }) =>
        producer.tryWriteBatch(records),
  ],
  ['the name to create', VALUES.filter(([kind]) => kind !== 'a string'), (name) => () => Ring.create(name)],
  ['the name to open', VALUES.filter(([kind]) => kind !== 'a string'), (name) => () => Ring.open(name)],
  ['the name to unlink', VALUES.filter(([kind]) => kind !== 'a string'), (name) => () => Ring.unlink(name)],
];

describe('a wrong value', () => {
  const cases = WRONG.flatMap(([what, values, give]) =>
    values.map(([kind, value]) => [what, kind, give(value as never)] as const),
  );
  test.each(cases)('as %s that is %s is INVALID_ARGUMENT and changes nothing', async (_, __, call) => {
    const ends = createEnds();
    const error = await failureOf(() => call(ends));
    expect(error).toBeInstanceOf(RingError);
    expect(error).toMatchObject({ code: 'ERR_SHMRING_INVALID_ARGUMENT' });
    expect((error as Error).message.length).toBeLessThan(300);
    expect((error as Error).message).toMatch(/ must be | is a string or a view/);
    expect(ends.ring.stats()).toMatchObject({ read: 0, aborted: 0, full: 0, producers: 1, consumers: 1 });
    expectToWork(ends);
  });

  test('is shown in a short sentence, however long it is', () => {
    const { producer, consumer } = createEnds();
    const long = 'x'.repeat(1 << 20);
    const named = Object.defineProperty(class {}, 'name', { value: long });
    const verbose = Object.assign(() => {}, { toString: () => long });
    for (const value of [long, 10n ** 5000n, Symbol(long), new named(), verbose]) {
      const error = thrown(() => consumer.drain(() => {}, value as never)) as Error;
      expect(error).toMatchObject({ code: 'ERR_SHMRING_INVALID_ARGUMENT' });
      expect(error.message.length).toBeLessThan(300);
    }
    expect((thrown(() => Ring.open(long)) as Error).message.length).toBeLessThan(500);
    expect((thrown(() => producer.tryWrite(new named() as never)) as Error).message.length).toBeLessThan(300);
  });

  test('of -0 is 0', async () => {
    const { producer, consumer } = createEnds();
    expect(producer.tryClaim(-0)).toBe(8);
    producer.commit(-0);
    expect(consumer.drain(() => {}, -0)).toBe(0);
    expect(consumer.peek(-0)).toBeUndefined();
    expect(consumer.drainSync(() => {}, { limit: -0 })).toBe(0);
    expect(consumer.drainSync(() => {}, { timeoutMs: -0, spinMicros: -0, lagMicros: -0 })).toBe(1);
    expect(await consumer.wait({ timeoutMs: -0 })).toBe('timeout');
    expect(producer.waitForRoomSync(-0, { timeoutMs: -0 })).toBe('ready');
  });

  test.each([2 ** 31, 2 ** 32, 2 ** 32 + 8, 2 ** 53, Number.MAX_VALUE])(
    'of %s bytes is TOO_LARGE, not its low bits',
    async (length) => {
      const ends = createEnds();
      const { producer } = ends;
      expect(codeOf(() => producer.tryClaim(length))).toBe('TOO_LARGE');
      expect(codeOf(() => producer.waitForRoomSync(length))).toBe('TOO_LARGE');
      expect(await codeOfRejection(producer.waitForRoom(length))).toBe('TOO_LARGE');
      producer.tryClaim(8);
      expect(codeOf(() => producer.commit(length))).toMatch(/INVALID_ARGUMENT|TOO_LARGE/);
      producer.abort();
      expectToWork(ends);
    },
  );
});

describe('a batch that was looked at', () => {
  test.each([
    ...VALUES,
    ...NUMBERS,
    ...FRACTIONS,
    ['one too many', 3],
    ['2^32', 2 ** 32],
    ['Infinity', Infinity],
  ])('releases nothing for a count of %s', (_, count) => {
    const { ring, producer, consumer } = createEnds();
    producer.tryWriteBatch(['a', 'b']);
    const batch = consumer.peek();
    expect(codeOf(() => batch?.release(count as number))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => batch?.positionAt(count as number))).toBe('INVALID_ARGUMENT');
    expect(ring.stats().read).toBe(0);
    batch?.release();
    expect(ring.stats().read).toBe(2);
    expect(codeOf(() => batch?.release())).toBe('CLOSED');
  });
});

describe('a signal', () => {
  const calls: [string, (ends: Ends, signal: AbortSignal) => Promise<unknown>][] = [
    ['write', ({ producer }, signal) => producer.write('x', { signal })],
    ['waitForRoom', ({ producer }, signal) => producer.waitForRoom(8, { signal })],
    ['flush', ({ producer }, signal) => producer.flush({ signal })],
    ['wait', ({ consumer }, signal) => consumer.wait({ signal })],
    ['batches', ({ consumer }, signal) => consumer.batches({ signal }).next()],
    ['consumerWhenFree', ({ ring }, signal) => ring.consumerWhenFree({ signal })],
  ];
  const fakes: [string, unknown][] = [
    ...VALUES,
    ['an object in disguise', Object.create(AbortSignal.prototype)],
    ['a revoked Proxy of a signal', revoked(new AbortController().signal)],
    ['a controller', new AbortController()],
    ['an EventTarget', new EventTarget()],
    ['something with the right methods', { aborted: false, addEventListener() {}, removeEventListener() {} }],
  ];

  for (const [name, call] of calls) {
    test.each(fakes)(`of ${name} that is %s is INVALID_ARGUMENT`, async (_, fake) => {
      const ends = createEnds();
      expect(await codeOfRejection(call(ends, fake as AbortSignal))).toBe('INVALID_ARGUMENT');
      expectToWork(ends);
    });

    test(`of ${name} that was aborted before rejects with AbortError and its reason, and does nothing`, async () => {
      const ends = createEnds();
      const reason = new Error('why');
      const error = await rejection(call(ends, AbortSignal.abort(reason)));
      expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
      expect(ends.ring.stats()).toMatchObject({ written: 0, read: 0 });
      expectToWork(ends);
    });
  }
});
