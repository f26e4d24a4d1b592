// The classes of the package in strange hands: their constructors, their methods, a process without memory.
import { type Consumer, type Producer, Ring, RingError } from 'shmring';
import { describe, expect, test } from 'vitest';
import { expectToWork } from '../helpers/bad-arguments.js';
import { codeOf, rejection, thrown } from '../helpers/errors.js';
import { closing, createEnds, createRing } from '../helpers/rings.js';
import { freshName } from '../helpers/scratch.js';

describe('nobody but the ring', () => {
  test('makes a ring, a producer or a consumer', () => {
    const ends = createEnds();
    const { ring, producer, consumer } = ends;
    const kinds = [Ring, producer.constructor, consumer.constructor] as (new (...a: unknown[]) => object)[];
    const arguments_ = [
      [],
      [0],
      [0, 4088, {}],
      [0, {}],
      [ring],
      [{ describe: () => ({}) }, {}],
      [0, 1, ring],
    ];
    for (const Kind of kinds) {
      for (const given of arguments_) expect(codeOf(() => new Kind(...given))).toBe('INVALID_ARGUMENT');
      class Derived extends Kind {}
      expect(codeOf(() => new Derived(0, 1))).toBe('INVALID_ARGUMENT');
      expect(() => (Kind as unknown as () => void)()).toThrow(TypeError);
    }
    expectToWork(ends);
  });

  test('answers for a stranger: its methods on something else are a TypeError of the language', async () => {
    const ends = createEnds();
    const { ring, producer, consumer } = ends;
    const strangers = [undefined, null, 7, {}, Object.create(ring), new Proxy(producer, {}), Ring];
    let tried = 0;
    for (const own of [ring, producer, consumer]) {
      const prototype = Object.getPrototypeOf(own);
      for (const [name, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
        const method = value ?? get;
        if (name === 'constructor') continue;
        for (const stranger of strangers) {
          // These answer for whoever asks, without looking.
          if (name === 'blockedBy') continue;
          const call = async (): Promise<unknown> => {
            const result = await method.call(stranger, 'x');
            // A generator looks when it is asked for its first.
            return typeof result?.next === 'function' ? result.next() : result;
          };
          const error = await rejection(call());
          // The argument is looked at first by some.
          if (!(error instanceof RingError)) expect(error, name).toBeInstanceOf(TypeError);
          tried += 1;
        }
      }
    }
    expect(tried).toBeGreaterThan(200);
    expectToWork(ends);
  });

  test('is needed as `this` of a static call', () => {
    const { create, open, unlink, list } = Ring;
    const name = freshName();
    const ring = closing(create(name, { kind: 'spsc', capacity: 4096 }));
    expect(closing(open(name)).id).toBe(ring.id);
    expect(list().map(({ name }) => name)).toContain(name);
    expect(unlink(name)).toBe(true);
  });
});

test('a handle for which there is no memory leaves its role free', () => {
  const ring = createRing();
  const { ArrayBuffer: RealBuffer, WeakRef: RealReference } = globalThis;
  function fail(): never {
    throw new RangeError('Array buffer allocation failed');
  }
  const attach: [() => Producer | Consumer, 'ArrayBuffer' | 'WeakRef'][] = [
    [() => ring.consumer(), 'ArrayBuffer'],
    [() => ring.consumer(), 'WeakRef'],
    [() => ring.producer(), 'WeakRef'],
  ];
  for (const [call, missing] of attach) {
    try {
      Object.assign(globalThis, { [missing]: fail });
      expect(thrown(call)).toBeInstanceOf(RangeError);
    } finally {
      Object.assign(globalThis, { ArrayBuffer: RealBuffer, WeakRef: RealReference });
    }
    expect(ring.owners()).toEqual([]);
  }
  expectToWork({ ring, producer: ring.producer(), consumer: ring.consumer() });
});
