// A program may replace what the language comes with, `Function.prototype.call` say, by code that uses the same
// ring: each write that is acknowledged is one record all the same, and each record is read once.
import type { Consumer, Producer } from 'shmring';
import { describe, expect, test } from 'vitest';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings } from '../helpers/rings.js';

const typedArray = Object.getPrototypeOf(Uint8Array.prototype);

/** What is replaced: where, and under which name. */
const BUILTINS: [string, object, PropertyKey][] = [
  ['Function.prototype.call', Function.prototype, 'call'],
  ['Function.prototype.apply', Function.prototype, 'apply'],
  ['Reflect.apply', Reflect, 'apply'],
  ['Math.imul', Math, 'imul'],
  ['Math.min', Math, 'min'],
  ['TypedArray.prototype.set', typedArray, 'set'],
  ['TypedArray.prototype.slice', typedArray, 'slice'],
  ['TypedArray.prototype.subarray', typedArray, 'subarray'],
  ['TypedArray[Symbol.species]', Object.getPrototypeOf(Uint8Array), Symbol.species],
  ['TypedArray.prototype[Symbol.toStringTag]', typedArray, Symbol.toStringTag],
  ['TypedArray.prototype.byteLength', typedArray, 'byteLength'],
  ['TypedArray.prototype.keys', typedArray, 'keys'],
  ['Array.prototype.push', Array.prototype, 'push'],
  ['Array.prototype[Symbol.iterator]', Array.prototype, Symbol.iterator],
  ['an array iterator', Object.getPrototypeOf([][Symbol.iterator]()), 'next'],
  ['Array.isArray', Array, 'isArray'],
  ['Buffer.from', Buffer, 'from'],
  ['Buffer.allocUnsafe', Buffer, 'allocUnsafe'],
  ['Buffer.prototype.copy', Buffer.prototype, 'copy'],
  ['Object.assign', Object, 'assign'],
];

/** Runs `action` while whoever comes to that builtin meets `meanwhile` first; how often that was. */
function replaced(where: object, name: PropertyKey, meanwhile: () => void, action: () => void): number {
  const found = Object.getOwnPropertyDescriptor(where, name) as PropertyDescriptor;
  const { apply } = Reflect;
  let [inside, calls] = [false, 0];
  const wrap = (original: (...list: unknown[]) => unknown) =>
    function (this: unknown, ...list: unknown[]) {
      if (!inside) {
        inside = true;
        calls += 1;
        meanwhile();
        inside = false;
      }
      return apply(original, this, list);
    };
  const mine = found.get === undefined ? { value: wrap(found.value) } : { get: wrap(found.get) };
  Object.defineProperty(where, name, { ...found, ...mine });
  try {
    action();
  } finally {
    Object.defineProperty(where, name, found);
  }
  return calls;
}

/** What an action comes to; what is refused is refused. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_SHMRING_REENTRANT') return undefined;
    throw error;
  }
}

eachKind(({ createEnds }) => {
  describe.each(BUILTINS)('%s replaced by what uses the ring', (_, where, name) => {
    type Write = (producer: Producer, record: Buffer) => number;
    const WRITES: [string, Write][] = [
      ['tryWrite', (producer, record) => Number(producer.tryWrite(record))],
      ['tryWrite of a string', (producer, record) => Number(producer.tryWrite(record.toString('latin1')))],
      ['tryWriteBatch', (producer, record) => producer.tryWriteBatch([record, record])],
      ['tryWriteBatch of strings', (producer, record) => producer.tryWriteBatch([record.toString('latin1')])],
      ['writeSync', (producer, record) => Number(producer.writeSync(record, { timeoutMs: 0 }))],
    ];
    test.each(WRITES)('by a write: %s', (_, write) => {
      const { ring, producer, consumer } = createEnds({ capacity: 1 << 16 });
      const [outer, inner] = [Buffer.alloc(24, 'o'), Buffer.alloc(24, 'i')];
      let acknowledged = 0;
      const meanwhile = () => {
        acknowledged += Number(producer.tryWrite(inner));
      };
      // A lease to begin with.
      for (let i = 0; i < 4; i += 1) acknowledged += Number(producer.tryWrite(outer));
      replaced(where, name, meanwhile, () => {
        for (let i = 0; i < 20; i += 1) {
          // Not in one with the sum, which is changed meanwhile.
          const written = write(producer, outer);
          acknowledged += written;
        }
      });
      const records = drainStrings(consumer);
      expect(records).toHaveLength(acknowledged);
      expect(records.filter((record) => !/^(o{24}|i{24})$/.test(record))).toEqual([]);
      expect(ring.stats()).toMatchObject({ written: acknowledged, read: acknowledged });
    });

    type Read = (consumer: Consumer) => string[];
    const READS: [string, Read][] = [
      [
        'tryRead',
        (consumer) => {
          const record = attempt(() => consumer.tryRead());
          return record === undefined ? [] : [record.toString('latin1')];
        },
      ],
      ['drain', (consumer) => attempt(() => take(consumer)) ?? []],
      ['peek', (consumer) => attempt(() => look(consumer)) ?? []],
    ];
    const take = (consumer: Consumer) => {
      const seen: string[] = [];
      const handler = (memory: Buffer, start: number, end: number) => {
        seen[seen.length] = memory.toString('latin1', start, end);
        return false;
      };
      consumer.drain(handler);
      return seen;
    };
    const look = (consumer: Consumer) => {
      const batch = consumer.peek(1);
      if (batch === undefined) return [];
      const [start, end] = [batch.ranges[0] as number, batch.ranges[1] as number];
      const seen = [batch.memory.toString('latin1', start, end)];
      batch.release();
      return seen;
    };
    test.each(READS)('by a read: %s', (_, read) => {
      const { ring, producer, consumer } = createEnds({ capacity: 1 << 16 });
      const all = Array.from({ length: 40 }, (_, number) => `record ${number}`);
      for (const record of all) producer.tryWrite(record);
      const seen: string[] = [];
      const collect = () => {
        for (const record of read(consumer)) seen[seen.length] = record;
      };
      replaced(where, name, collect, () => {
        for (let i = 0; i < 10; i += 1) collect();
      });
      for (const record of drainStrings(consumer)) seen.push(record);
      // The inner read of two comes to its end first, so that only the order may differ.
      const numbers = seen.map((record) => Number(record.slice(7))).sort((a, b) => a - b);
      expect(numbers).toEqual(all.map((_, number) => number));
      expect(ring.stats()).toMatchObject({ read: 40, recordsWaiting: 0 });
    });
  });

  test('an array whose elements run code is written by the addon without harm', () => {
    const { ring, producer, consumer } = createEnds({ capacity: 1 << 20 });
    const records: Buffer[] = Array.from({ length: 4097 }, () => Buffer.alloc(8, 'o'));
    let acknowledged = 0;
    const { push } = Array.prototype;
    // biome-ignore lint/suspicious/noExplicitAny: stands for any program's own.
    Array.prototype.push = function (this: any[], ...items: any[]) {
      for (const item of items) {
        const get = () => {
          acknowledged += Number(producer.tryWrite('within'));
          return item;
        };
        Object.defineProperty(this, this.length, { get, configurable: true, enumerable: true });
      }
      return this.length;
    };
    try {
      const written = producer.tryWriteBatch(records);
      acknowledged += written;
    } finally {
      Array.prototype.push = push;
    }
    let seen = 0;
    while (
      consumer.drain(() => {
        seen += 1;
      }) > 0
    );
    expect(seen).toBe(acknowledged);
    expect(ring.stats().written).toBe(acknowledged);
  });
});
