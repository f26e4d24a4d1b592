// Whatever is given to whatever call: an error of ours or a right answer, and the ring goes on.
import fc from 'fast-check';
import { type Consumer, type Producer, Ring, RingError } from 'shmring';
import { expect, test } from 'vitest';
import { drainStrings, type Ends } from '../helpers/rings.js';
import { freshName } from '../helpers/scratch.js';
import { seedFor } from '../helpers/seed.js';
import { within } from '../helpers/time.js';
import { argumentsOf, FromGetter, type Shape, toArgument } from './any-value.js';

type Answer = (result: unknown) => boolean;
const isOneOf =
  (...values: unknown[]): Answer =>
  (result) =>
    values.includes(result);
const isBoolean = isOneOf(true, false);
const isNothing = isOneOf(undefined);
const isObject: Answer = (result) => typeof result === 'object' && result !== null;
const isNumber =
  (least: number): Answer =>
  (result) =>
    Number.isInteger(result) && (result as number) >= least;
const isBatch: Answer = (result) =>
  result === undefined || (isObject(result) && 'ranges' in (result as object));

/** What each call may answer. */
const STATIC: Record<string, Answer> = {
  create: isObject,
  open: isObject,
  openOrCreate: isObject,
  temporary: isObject,
  unlink: isOneOf(false),
  list: Array.isArray,
};
const OF_RING: Record<string, Answer> = {
  producer: isObject,
  consumer: isObject,
  consumerWhenFree: isObject,
  consumerWhenFreeSync: isObject,
  seal: isNothing,
  stats: isObject,
  owners: Array.isArray,
  recover: isObject,
  inspect: isObject,
  unlink: isBoolean,
  close: isNothing,
};
const OF_PRODUCER: Record<string, Answer> = {
  tryWrite: isOneOf(true),
  writeSync: isOneOf(true),
  write: isOneOf(true),
  tryWriteBatch: isNumber(0),
  tryClaim: isNumber(0),
  commit: isNothing,
  abort: isNothing,
  waitForRoom: isOneOf('ready'),
  waitForRoomSync: isOneOf('ready'),
  flush: isOneOf(true),
  consumerAlive: isOneOf(true),
  close: isNothing,
};
const OF_CONSUMER: Record<string, Answer> = {
  tryRead: Buffer.isBuffer,
  drain: isNumber(0),
  drainSync: isNumber(0),
  peek: isBatch,
  batches: isObject,
  wait: isOneOf('ready'),
  waitSync: isOneOf('ready'),
  ref: isObject,
  unref: isObject,
  close: isNothing,
};

const WAITING = ['timeoutMs', 'signal'];
const OPENING = ['share', 'access', 'fileSystem'];
const MAKING = [...OPENING, 'kind', 'capacity', 'lifetime'];
const handler = (): unknown => () => undefined;

/** What those calls take that take anything. */
const SHAPES: Record<string, Shape> = {
  create: { right: [() => freshName()], options: MAKING },
  open: { right: [() => 'nothing'], options: OPENING },
  openOrCreate: { right: [() => freshName()], options: MAKING },
  temporary: { right: [], options: MAKING },
  unlink: { right: [() => 'nothing'], options: [] },
  list: { right: [], options: [] },
  producer: { right: [], options: ['label', 'pending'] },
  consumer: { right: [], options: ['label', 'endWhen'] },
  consumerWhenFree: { right: [], options: ['label', 'endWhen', ...WAITING] },
  consumerWhenFreeSync: { right: [], options: ['label', 'endWhen', 'timeoutMs'] },
  tryWrite: { right: [() => 'x'], options: [] },
  writeSync: { right: [() => 'x'], options: ['timeoutMs', 'requireConsumer'] },
  write: { right: [() => 'x'], options: [...WAITING, 'requireConsumer'] },
  tryWriteBatch: { right: [() => ['x']], options: [] },
  tryClaim: { right: [() => 8], options: [] },
  commit: { right: [() => 8], options: [] },
  waitForRoom: { right: [() => 8], options: WAITING },
  waitForRoomSync: { right: [() => 8], options: ['timeoutMs'] },
  flush: { right: [], options: [...WAITING, 'requireConsumer'] },
  drain: { right: [handler, () => 1], options: [] },
  drainSync: { right: [handler], options: ['limit', 'timeoutMs', 'spinMicros', 'lagMicros'] },
  peek: { right: [() => 1], options: [] },
  batches: { right: [], options: ['limit', 'signal'] },
  wait: { right: [], options: WAITING },
  waitSync: { right: [], options: ['timeoutMs'] },
};

type Method = (...given: unknown[]) => unknown;

/** Calls, and checks what comes of it. */
async function tryCall(
  on: object,
  name: string,
  given: unknown[],
  isRight: Answer | undefined,
): Promise<void> {
  let result: unknown;
  try {
    const call = Reflect.get(on, name) as Method;
    result = await within(Promise.resolve(call.apply(on, given)), name);
    const steps = result as Partial<AsyncGenerator<Disposable>>;
    if (typeof steps?.next === 'function') {
      await within(Promise.resolve(steps.next()), name);
      await steps.return?.(undefined);
    }
  } catch (error) {
    expectOurs(error, on, name);
    return;
  }
  expect(isRight?.(result), `${name} answered ${String(result)}`).toBe(true);
  if (on === Ring && result instanceof Ring) result.unlink();
  if (isObject(result) && Symbol.dispose in (result as object) && result !== on) {
    (result as Disposable)[Symbol.dispose]();
  }
}

function expectOurs(error: unknown, on: object, name: string): void {
  if (error instanceof RingError || error instanceof FromGetter) return;
  if ((error as { code?: string }).code === 'ABORT_ERR') return;
  // Of options, and of handlers that cannot be called: the user's own.
  const runsOthers = name === 'drain' || (SHAPES[name]?.options.length ?? 0) > 0 || on === Ring;
  expect(runsOthers, `${name} threw ${error}`).toBe(true);
  expect(error).toBeInstanceOf(TypeError);
  expect((error as Error).message).toMatch(/has been revoked|Class constructor/);
}

/** Reads what is there, then lets a record through. */
function expectToGoOn({ producer, consumer }: Pick<Ends, 'producer' | 'consumer'>): void {
  try {
    producer.abort();
  } catch {
    // No claim was left open.
  }
  drainStrings(consumer);
  // The first may only be padding up to the end of the buffer.
  for (let tries = 0; tries < 2 && !producer.tryWrite('goes on'); tries += 1) drainStrings(consumer);
  expect(drainStrings(consumer)).toEqual(['goes on']);
}

const CALLS = [
  ...Object.entries(STATIC).map(([name, right]) => ({ on: 'Ring', name, right })),
  ...Object.entries(OF_RING).map(([name, right]) => ({ on: 'ring', name, right })),
  ...Object.entries(OF_PRODUCER).map(([name, right]) => ({ on: 'producer', name, right })),
  ...Object.entries(OF_CONSUMER).map(([name, right]) => ({ on: 'consumer', name, right })),
];

test('any value as any argument of any call is an error of ours or a right answer, and the ring goes on', async () => {
  const seed = seedFor('any argument');
  const calls = fc.constantFrom(...CALLS.keys()).chain((index) => {
    const shape = SHAPES[CALLS[index]?.name as string] ?? { right: [], options: [] };
    return fc.tuple(fc.constant(index), argumentsOf(shape));
  });
  await fc.assert(
    fc.asyncProperty(calls, async ([index, values]) => {
      const { on, name, right } = CALLS[index] as (typeof CALLS)[number];
      const given = values.map(toArgument);
      using ring = Ring.create(freshName(), { kind: 'spsc', capacity: 4096 });
      if (on === 'Ring' || on === 'ring') {
        await tryCall(on === 'Ring' ? Ring : ring, name, given, right);
        if (ring.closed || name === 'seal') return;
        expectToGoOn({ producer: ring.producer(), consumer: ring.consumer() });
      } else {
        const ends: { producer: Producer; consumer: Consumer } = {
          producer: ring.producer(),
          consumer: ring.consumer(),
        };
        if (on === 'consumer') ends.producer.tryWrite('first');
        await tryCall(on === 'consumer' ? ends.consumer : ends.producer, name, given, right);
        if (name === 'close') return;
        expectToGoOn(ends);
      }
      ring.unlink();
    }),
    { seed, numRuns: 4000 },
  );
});

test('the calls that are tried are all there are', () => {
  const ring = Ring.temporary({ kind: 'spsc', capacity: 4096 });
  const methods = (of: object): string[] =>
    Object.entries(Object.getOwnPropertyDescriptors(of))
      .filter(
        ([name, { value }]) => typeof value === 'function' && name !== 'constructor' && name !== 'prototype',
      )
      .map(([name]) => name)
      .sort();
  const prototype = (of: object): object => Object.getPrototypeOf(of);
  expect(methods(Ring)).toEqual(Object.keys(STATIC).sort());
  expect(methods(prototype(ring))).toEqual(Object.keys(OF_RING).sort());
  expect(methods(prototype(ring.producer()))).toEqual(Object.keys(OF_PRODUCER).sort());
  expect(methods(prototype(ring.consumer()))).toEqual(Object.keys(OF_CONSUMER).sort());
  ring.close();
});
