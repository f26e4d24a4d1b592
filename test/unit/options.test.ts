import { type ConsumerOptions, Ring, type RingOptions } from 'shmring';
import { describe, expect, test } from 'vitest';
import { codeOf, codeOfRejection, thrown } from '../helpers/errors.js';
import { createEnds, createRing } from '../helpers/rings.js';
import { freshName } from '../helpers/scratch.js';

const NO_CAPACITY = [0, -1, -4096, 1.5, 4096.5, NaN, Infinity, 2 ** 31, 2 ** 53, '4096', 4096n, null, {}];
const NO_TIMEOUT = [NaN, -1, -0.001, -Infinity, '10', 10n, null, {}, [10], true];
const NO_LIMIT = [NaN, -1, 0.5, -Infinity, '10', 10n, null, {}, true];

describe('options of a ring', () => {
  test.each(NO_CAPACITY)('capacity %s is INVALID_ARGUMENT', (capacity) => {
    const options = { kind: 'spsc', capacity } as RingOptions;
    for (const call of [Ring.create, Ring.openOrCreate]) {
      expect(codeOf(() => call.call(Ring, freshName(), options))).toBe('INVALID_ARGUMENT');
    }
    expect(codeOf(() => Ring.temporary(options))).toBe('INVALID_ARGUMENT');
  });

  test.each([
    ['kind', 'SPSC'],
    ['kind', 1],
    ['kind', ''],
    ['kind', null],
    ['lifetime', 'forever'],
    ['lifetime', 0],
    ['share', 'world'],
    ['share', 0o660],
    ['access', 'write'],
    ['access', true],
    ['fileSystem', 'tmpfs'],
    ['fileSystem', true],
    ['directory', 7],
    ['directory', 'a\0b'],
    ['directory', ''],
  ])('%s: %j is INVALID_ARGUMENT', (option, value) => {
    const name = freshName();
    const options = { kind: 'spsc', capacity: 4096, [option]: value } as RingOptions;
    expect(codeOf(() => Ring.create(name, options))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => Ring.open(name))).toBe('NOT_FOUND');
  });

  test.each([null, 7, 'spsc', true])('that are %j instead of an object are INVALID_ARGUMENT', (value) => {
    expect(codeOf(() => Ring.create(freshName(), value as RingOptions))).toBe('INVALID_ARGUMENT');
  });

  test('whose getter throws let that error through and create nothing', () => {
    const name = freshName();
    const error = new Error('from a getter');
    const options = {
      kind: 'spsc' as const,
      get capacity(): number {
        throw error;
      },
    };
    expect(thrown(() => Ring.create(name, options))).toBe(error);
    expect(codeOf(() => Ring.open(name))).toBe('NOT_FOUND');
  });

  test('that are undefined count as omitted', () => {
    const options = {
      kind: 'spsc',
      capacity: undefined,
      lifetime: undefined,
      share: undefined,
      access: undefined,
      directory: undefined,
    } as unknown as RingOptions;
    expect(createRing(options).capacity).toBe(1 << 20);
  });
});

describe('options of a handle', () => {
  test.each([7, null, {}, true])('label: %j is INVALID_ARGUMENT and takes no slot', (label) => {
    const ring = createRing();
    const options = { label } as unknown as { label: string };
    expect(codeOf(() => ring.producer(options))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => ring.consumer(options))).toBe('INVALID_ARGUMENT');
    expect(ring.owners()).toEqual([]);
  });

  test.each(['never', '', 1, null])('endWhen: %j is INVALID_ARGUMENT and takes no slot', (endWhen) => {
    const ring = createRing();
    expect(codeOf(() => ring.consumer({ endWhen } as ConsumerOptions))).toBe('INVALID_ARGUMENT');
    expect(ring.owners()).toEqual([]);
  });
});

describe('a time-out', () => {
  test.each(NO_TIMEOUT)('of %s is INVALID_ARGUMENT in every call that waits', async (value) => {
    const { ring, producer, consumer } = createEnds();
    const options = { timeoutMs: value as number };
    producer.tryWrite('left alone');
    for (const call of [
      () => producer.writeSync('x', options),
      () => producer.waitForRoomSync(8, options),
      () => consumer.waitSync(options),
      () => consumer.drainSync(() => {}, options),
      () => ring.consumerWhenFreeSync(options),
    ]) {
      expect(codeOf(call), String(call)).toBe('INVALID_ARGUMENT');
    }
    for (const call of [
      async () => producer.write('x', options),
      async () => producer.waitForRoom(8, options),
      async () => producer.flush(options),
      async () => consumer.wait(options),
      async () => ring.consumerWhenFree(options),
    ]) {
      expect(await codeOfRejection(call()), String(call)).toBe('INVALID_ARGUMENT');
    }
    expect(ring.stats()).toMatchObject({ written: 1, read: 0 });
  });

  test.each([Infinity, 2 ** 31, 2 ** 53, 1e300, 0.5, 0])('of %s is taken', async (timeoutMs) => {
    const { producer, consumer } = createEnds();
    expect(producer.writeSync('a', { timeoutMs })).toBe(true);
    expect(await producer.write('b', { timeoutMs })).toBe(true);
    expect(producer.waitForRoomSync(8, { timeoutMs })).toBe('ready');
    expect(consumer.waitSync({ timeoutMs })).toBe('ready');
    expect(await consumer.wait({ timeoutMs })).toBe('ready');
    expect(consumer.drainSync(() => {}, { timeoutMs })).toBe(2);
    expect(await producer.flush({ timeoutMs })).toBe(true);
  });

  test.each([7, null, 'soon'])('in options that are %j is INVALID_ARGUMENT', async (value) => {
    const { producer, consumer } = createEnds();
    producer.tryWrite('left alone');
    const options = value as unknown as object;
    expect(codeOf(() => consumer.waitSync(options))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => producer.writeSync('x', options))).toBe('INVALID_ARGUMENT');
    const wait = async (): Promise<unknown> => consumer.wait(options);
    expect(await codeOfRejection(wait())).toBe('INVALID_ARGUMENT');
  });
});

describe('a limit', () => {
  test.each(NO_LIMIT)('of %s is INVALID_ARGUMENT and consumes nothing', (value) => {
    const { ring, producer, consumer } = createEnds();
    producer.tryWrite('left alone');
    const limit = value as number;
    expect(codeOf(() => consumer.drain(() => {}, limit))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => consumer.drainSync(() => {}, { limit }))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => consumer.peek(limit))).toBe('INVALID_ARGUMENT');
    expect(ring.stats().read).toBe(0);
  });
});

describe('other arguments', () => {
  test.each([undefined, null, 7, {}, 'f'])('a handler that is %j is INVALID_ARGUMENT', (handler) => {
    const { ring, producer, consumer } = createEnds();
    producer.tryWrite('left alone');
    expect(codeOf(() => consumer.drain(handler as never))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => consumer.drainSync(handler as never))).toBe('INVALID_ARGUMENT');
    expect(ring.stats().read).toBe(0);
  });

  test.each([NaN, -1, 0.5, '8', null, undefined, Infinity, 8n])(
    'a byte length of %s is INVALID_ARGUMENT',
    async (value) => {
      const { ring, producer } = createEnds();
      const length = value as number;
      expect(codeOf(() => producer.tryClaim(length))).toBe('INVALID_ARGUMENT');
      expect(codeOf(() => producer.waitForRoomSync(length))).toBe('INVALID_ARGUMENT');
      const wait = async (): Promise<unknown> => producer.waitForRoom(length);
      expect(await codeOfRejection(wait())).toBe('INVALID_ARGUMENT');
      expect(ring.stats()).toMatchObject({ written: 0, aborted: 0 });
    },
  );

  test.each([7, {}, 'abort'])('a signal that is %j is INVALID_ARGUMENT', async (value) => {
    const { consumer } = createEnds();
    const signal = value as unknown as AbortSignal;
    const wait = async (): Promise<unknown> => consumer.wait({ signal, timeoutMs: 1 });
    expect(await codeOfRejection(wait())).toBe('INVALID_ARGUMENT');
  });

  test.each([NaN, -1, '1', null])('spinMicros and lagMicros of %s are INVALID_ARGUMENT', (value) => {
    const { consumer } = createEnds();
    for (const option of ['spinMicros', 'lagMicros']) {
      const options = { timeoutMs: 0, [option]: value } as object;
      expect(
        codeOf(() => consumer.drainSync(() => {}, options)),
        option,
      ).toBe('INVALID_ARGUMENT');
    }
  });
});
