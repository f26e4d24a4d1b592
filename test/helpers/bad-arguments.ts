// What the tests of bad arguments share: calls, hostile values, and what must hold afterwards.
import { type ConsumerOptions, Ring, type RingOptions, type WaitOptions } from 'shmring';
import { expect } from 'vitest';
import { closing, createRing, drainStrings, type Ends } from './rings.js';
import { freshName } from './scratch.js';

export function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** Both ends still do what they are for. */
export function expectToWork({ ring, producer, consumer }: Ends): void {
  expect(producer.tryWrite('still works')).toBe(true);
  expect(drainStrings(consumer).at(-1)).toBe('still works');
  expect(ring.owners()).toHaveLength(2);
}

/** Every call that takes options, by the options that it looks at. */
export type Call = (ends: Ends, options: never) => unknown;
const OPENING = ['directory', 'share', 'access', 'fileSystem', 'prefault', 'hugePages'];
export const CALLS: [string, readonly string[], Call][] = [
  [
    'Ring.create',
    ['kind', 'capacity', 'lifetime', ...OPENING],
    (_, options: RingOptions) => closing(Ring.create(freshName(), options)),
  ],
  [
    'Ring.openOrCreate',
    ['kind', 'capacity', 'lifetime', ...OPENING],
    (_, options: RingOptions) => closing(Ring.openOrCreate(freshName(), options)),
  ],
  [
    'Ring.temporary',
    ['kind', 'capacity', 'lifetime', ...OPENING],
    (_, options: RingOptions) => closing(Ring.temporary(options)),
  ],
  ['Ring.open', OPENING, ({ ring }, options: object) => closing(Ring.open(ring.name, options))],
  ['Ring.unlink', ['directory'], (_, options: object) => Ring.unlink('nothing', options)],
  ['Ring.list', ['directory'], (_, options: object) => Ring.list(options)],
  ['ring.producer', ['label', 'pending'], (_, options: object) => createRing().producer(options)],
  [
    'pending of ring.producer',
    ['maxRecords', 'maxBytes'],
    (_, options: object) => createRing().producer({ pending: options }),
  ],
  ['ring.consumer', ['label', 'endWhen'], (_, options: ConsumerOptions) => createRing().consumer(options)],
  [
    'ring.consumerWhenFree',
    ['label', 'endWhen', 'timeoutMs', 'signal'],
    (_, options: object) => createRing().consumerWhenFree(options),
  ],
  [
    'ring.consumerWhenFreeSync',
    ['label', 'endWhen', 'timeoutMs'],
    (_, options: object) => createRing().consumerWhenFreeSync(options),
  ],
  [
    'producer.writeSync',
    ['timeoutMs', 'requireConsumer'],
    ({ producer }, options: object) => producer.writeSync('x', options),
  ],
  [
    'producer.write',
    ['timeoutMs', 'requireConsumer', 'signal'],
    ({ producer }, options: object) => producer.write('x', options),
  ],
  [
    'producer.waitForRoom',
    ['timeoutMs', 'signal'],
    ({ producer }, options: object) => producer.waitForRoom(8, options),
  ],
  [
    'producer.waitForRoomSync',
    ['timeoutMs'],
    ({ producer }, options: object) => producer.waitForRoomSync(8, options),
  ],
  [
    'producer.flush',
    ['timeoutMs', 'signal', 'requireConsumer'],
    ({ producer }, options: object) => producer.flush(options),
  ],
  [
    'consumer.drainSync',
    ['limit', 'timeoutMs', 'spinMicros', 'lagMicros'],
    ({ producer, consumer }, options: object) => {
      producer.tryWrite('x');
      return consumer.drainSync(() => {}, options);
    },
  ],
  [
    'consumer.batches',
    ['limit', 'signal'],
    ({ producer, consumer }, options: object) => {
      producer.tryWrite('x');
      const batches = consumer.batches(options);
      return batches.next().finally(() => batches.return());
    },
  ],
  [
    'consumer.wait',
    ['timeoutMs', 'signal'],
    ({ producer, consumer }, options: object) => {
      producer.tryWrite('x');
      return consumer.wait(options);
    },
  ],
  [
    'consumer.waitSync',
    ['timeoutMs'],
    ({ producer, consumer }, options: object) => {
      producer.tryWrite('x');
      return consumer.waitSync(options);
    },
  ],
];

/** Right values of those of these options that a test is better off with. */
export function rightOptions(options: readonly string[]): object {
  const right: RingOptions & WaitOptions = { kind: 'spsc', capacity: 4096, timeoutMs: 0 };
  return Object.fromEntries(Object.entries(right).filter(([option]) => options.includes(option)));
}

/** Such options, one of them with a getter of one's own. */
export function optionsWith(options: readonly string[], option: string, getter: () => unknown): object {
  return Object.defineProperty(rightOptions(options), option, { get: getter, enumerable: true });
}

/** What a call throws or is rejected with. */
export async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

export const EACH_OPTION = CALLS.flatMap(([name, options, call]) =>
  options.map((option) => [name, option, call, options] as const),
);

export const VALUES: [string, unknown][] = [
  ['null', null],
  ['a string', 'soon'],
  ['an object', {}],
  ['an array', [1]],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a bigint', 8n],
  ['true', true],
  ['a revoked Proxy', revoked({})],
  ['a revoked Proxy of a function', revoked(() => {})],
  ['an object without prototype', Object.create(null)],
  ['a Number object', Object(5)],
  ['an object with valueOf', { valueOf: () => 5 }],
];
export const NUMBERS: [string, unknown][] = [
  ['NaN', Number.NaN],
  ['-Infinity', -Infinity],
  ['-1', -1],
  ['-2^53', -(2 ** 53)],
];
export const FRACTIONS: [string, unknown][] = [
  ['0.5', 0.5],
  ['the least number', Number.MIN_VALUE],
];
