import type { Input } from 'shmring';
import { describe, expect, test } from 'vitest';
import { codeOf, codeOfRejection } from '../helpers/errors.js';
import { createEnds, fillUp } from '../helpers/rings.js';

const bytes = Uint8Array.from({ length: 64 }, (_, i) => 255 - i);

function shared(length: number): Uint8Array {
  const view = new Uint8Array(new SharedArrayBuffer(length));
  view.set(bytes.subarray(0, length));
  return view;
}

function wasmMemory(): ArrayBuffer {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (limits: { initial: number }) => { buffer: ArrayBuffer } };
  };
  return new WebAssembly.Memory({ initial: 1 }).buffer;
}

const VIEWS: [string, NodeJS.ArrayBufferView][] = [
  ['Buffer', Buffer.from(bytes)],
  ['pooled Buffer', Buffer.from('from the pool')],
  ['Uint8Array', bytes],
  ['Uint8Array with an odd offset', bytes.subarray(3, 20)],
  ['Uint8ClampedArray', new Uint8ClampedArray(bytes.buffer, 1, 5)],
  ['Int8Array', new Int8Array(bytes.buffer, 5, 7)],
  ['Uint16Array', new Uint16Array(bytes.buffer, 6, 5)],
  ['Int32Array', new Int32Array(bytes.buffer, 4, 3)],
  ['Float32Array', new Float32Array(bytes.buffer, 8, 2)],
  ['Float64Array', new Float64Array(bytes.buffer, 8, 3)],
  ['BigUint64Array', new BigUint64Array(bytes.buffer, 16, 2)],
  ['DataView', new DataView(bytes.buffer, 3, 11)],
  ['empty Uint8Array', new Uint8Array(0)],
  ['empty DataView', new DataView(new ArrayBuffer(0))],
  ['empty view at the end of its buffer', new Uint8Array(bytes.buffer, 64)],
  ['view of a SharedArrayBuffer', shared(33)],
  ['Uint16Array of a SharedArrayBuffer', new Uint16Array(shared(32).buffer, 2, 9)],
  ['DataView of a SharedArrayBuffer', new DataView(shared(32).buffer, 1, 30)],
  ['empty view of a SharedArrayBuffer', shared(0)],
  ['view of a wasm memory', new Uint8Array(wasmMemory(), 7, 40)],
];

function bytesOf(view: NodeJS.ArrayBufferView): Buffer {
  return Buffer.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
}

/** A view whose memory was given away. */
function detached(): Uint8Array {
  const view = new Uint8Array(16);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

type Resizable = ArrayBuffer & { resize(byteLength: number): void };

function resizable(byteLength: number, maxByteLength: number): Resizable {
  return Reflect.construct(ArrayBuffer, [byteLength, { maxByteLength }]) as Resizable;
}

describe('a record given as a view', () => {
  test.each(VIEWS)('is written byte for byte: %s', (_, view) => {
    const { producer, consumer } = createEnds();
    expect(producer.tryWrite(view)).toBe(true);
    expect(producer.writeSync(view)).toBe(true);
    expect(producer.tryWriteBatch([view, view])).toBe(2);
    for (let i = 0; i < 4; i += 1) expect(consumer.tryRead()).toEqual(bytesOf(view));
    expect(consumer.tryRead()).toBeUndefined();
  });

  test.each(VIEWS)('is written by the waiting form too: %s', async (_, view) => {
    const { producer, consumer } = createEnds();
    expect(await producer.write(view)).toBe(true);
    expect(consumer.tryRead()).toEqual(bytesOf(view));
  });

  test('whose memory was detached is INVALID_ARGUMENT and writes nothing', async () => {
    const { ring, producer } = createEnds();
    const calls = [
      () => producer.tryWrite(detached()),
      () => producer.writeSync(detached()),
      () => producer.tryWriteBatch([detached()]),
    ];
    for (const call of calls) expect(codeOf(call)).toBe('INVALID_ARGUMENT');
    expect(await codeOfRejection(producer.write(detached()))).toBe('INVALID_ARGUMENT');
    expect(ring.stats().written).toBe(0);
  });

  test('of a resizable buffer is written with the length that it has at the call', () => {
    const { producer, consumer } = createEnds();
    const buffer = resizable(16, 64);
    const tracking = new Uint8Array(buffer);
    const fixed = new Uint8Array(buffer, 8, 8);
    fixed.fill(7);
    producer.tryWriteBatch([tracking, fixed]);
    buffer.resize(40);
    producer.tryWrite(tracking);
    expect([0, 1, 2].map(() => consumer.tryRead()?.length)).toEqual([16, 8, 40]);
    buffer.resize(12);
    producer.tryWrite(tracking);
    expect(consumer.tryRead()?.length).toBe(12);
  });

  test.each([
    ['Uint8Array', (buffer) => new Uint8Array(buffer, 8, 8)],
    ['Uint8Array from the start', (buffer) => new Uint8Array(buffer, 0, 16)],
    ['Uint8Array that tracks the length', (buffer) => new Uint8Array(buffer, 8)],
    ['Buffer', (buffer) => Buffer.from(buffer, 8, 8)],
    ['Float64Array', (buffer) => new Float64Array(buffer, 8, 1)],
    ['Uint16Array that tracks the length', (buffer) => new Uint16Array(buffer, 8)],
    ['DataView', (buffer) => new DataView(buffer, 8, 8)],
    ['DataView that tracks the length', (buffer) => new DataView(buffer, 8)],
  ] as [string, (buffer: ArrayBuffer) => NodeJS.ArrayBufferView][])(
    'that a shrunken buffer no longer holds is INVALID_ARGUMENT and writes nothing: %s',
    async (_, make) => {
      const { ring, producer } = createEnds();
      const buffer = resizable(16, 64);
      const view = make(buffer);
      buffer.resize(7);
      for (const call of [
        () => producer.tryWrite(view),
        () => producer.writeSync(view),
        () => producer.tryWriteBatch([view]),
        () => producer.tryWriteBatch([bytes, view]),
        () => producer.tryWriteBatch(Array(5000).fill(view)),
      ]) {
        expect(codeOf(call)).toBe('INVALID_ARGUMENT');
      }
      expect(await codeOfRejection(producer.write(view))).toBe('INVALID_ARGUMENT');
      expect(ring.stats().written).toBe(0);
      buffer.resize(16);
      expect(producer.tryWrite(view)).toBe(true);
    },
  );

  test('that follows its buffer to its very end is an empty record', () => {
    const { producer, consumer } = createEnds();
    const buffer = resizable(16, 64);
    const views = [new Uint8Array(buffer, 8), new Uint16Array(buffer, 8), new DataView(buffer, 8)];
    buffer.resize(8);
    for (const view of views) expect(producer.tryWrite(view)).toBe(true);
    expect(producer.tryWriteBatch(views)).toBe(3);
    for (let i = 0; i < 6; i += 1) expect(consumer.tryRead()).toEqual(Buffer.alloc(0));
  });

  test('whose buffer shrinks while its write waits is refused, and the writes behind it go on', async () => {
    const { producer, consumer } = createEnds();
    const buffer = resizable(1000, 1000);
    fillUp(producer);
    const shrunk = producer.write(new Uint8Array(buffer, 0, 1000));
    const behind = producer.write('behind');
    buffer.resize(10);
    consumer.drain(() => {});
    expect(await codeOfRejection(shrunk)).toBe('INVALID_ARGUMENT');
    expect(await behind).toBe(true);
    expect(consumer.tryRead()?.toString()).toBe('behind');
  });

  test.each([
    ['Uint8Array', Uint8Array],
    ['Int16Array', Int16Array],
    ['DataView', DataView],
  ] as [string, new (buffer: ArrayBuffer) => NodeJS.ArrayBufferView][])(
    'that subclasses %s and lies about itself is taken for what it is, and asked nothing',
    async (_, Kind) => {
      const { ring, producer, consumer } = createEnds();
      const { buffer } = Uint8Array.from([1, 2, 3, 4]);
      const liar = new Kind(buffer);
      const lie = {
        get(): never {
          throw new Error('asked');
        },
      };
      for (const property of ['length', 'byteLength', 'byteOffset', 'buffer', Symbol.toStringTag]) {
        Object.defineProperty(liar, property, lie);
      }
      expect(producer.tryWrite(liar)).toBe(true);
      expect(producer.writeSync(liar)).toBe(true);
      expect(await producer.write(liar)).toBe(true);
      expect(producer.tryWriteBatch([liar, liar])).toBe(2);
      expect(ring.stats().written).toBe(5);
      for (let i = 0; i < 5; i += 1) expect(consumer.tryRead()).toEqual(Buffer.from(buffer));
    },
  );

  test('may lie in the memory of the ring itself', () => {
    const { producer, consumer } = createEnds();
    producer.tryWrite('in the ring');
    const view = consumer.peek()?.memory.subarray(8, 19) as Buffer;
    expect(view.toString()).toBe('in the ring');
    expect(producer.tryWrite(view)).toBe(true);
  });

  test('that is no view, or a Proxy or an object in disguise, is refused', async () => {
    const { ring, producer } = createEnds();
    const disguised = Object.create(Uint8Array.prototype);
    const { proxy, revoke } = Proxy.revocable(new Uint8Array(4), {});
    revoke();
    const meddling = {
      get constructor(): never {
        throw new Error('from a getter');
      },
    };
    const nameless = { constructor: { name: Symbol('no text') } };
    const buffers = [new ArrayBuffer(8), new SharedArrayBuffer(8)];
    const objects = [new Proxy(new Uint8Array(4), {}), disguised, { byteLength: 3 }, Object.create(null)];
    const values = [undefined, null, 7, 7n, NaN, true, Symbol('s'), () => {}, ['a'], Object('text')];
    for (const record of [...objects, ...buffers, ...values, proxy, meddling, nameless]) {
      expect(codeOf(() => producer.tryWrite(record as Input))).toBe('INVALID_ARGUMENT');
      expect(codeOf(() => producer.writeSync(record as Input))).toBe('INVALID_ARGUMENT');
      expect(codeOf(() => producer.tryWriteBatch(['a', record as Input]))).toBe('INVALID_ARGUMENT');
      expect(codeOf(() => producer.tryWriteBatch([bytes, record as Input]))).toBe('INVALID_ARGUMENT');
      expect(await codeOfRejection(producer.write(record as Input))).toBe('INVALID_ARGUMENT');
    }
    expect(ring.stats().written).toBe(0);
  });
});
