import type { Input } from 'shmring';
import { describe, expect, test } from 'vitest';
import { codeOf, codeOfRejection } from '../helpers/errors.js';
import { createEnds } from '../helpers/rings.js';

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
    // This one now reaches past the end of its buffer.
    try {
      producer.tryWrite(fixed);
      expect(consumer.tryRead()?.length).toBe(0);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_SHMRING_INVALID_ARGUMENT' });
    }
  });

  test('that subclasses and lies about its length is taken by its true length', () => {
    const { producer, consumer } = createEnds();
    class Liar extends Uint8Array {
      override get byteLength(): number {
        return 1 << 30;
      }
      override get length(): number {
        return 1 << 30;
      }
    }
    const liar = new Liar(Uint8Array.from([1, 2, 3]));
    try {
      producer.tryWrite(liar as unknown as Input);
      expect(consumer.tryRead()?.length).toBeLessThanOrEqual(3);
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/TOO_LARGE|INVALID_ARGUMENT/) });
    }
  });

  test('may lie in the memory of the ring itself', () => {
    const { producer, consumer } = createEnds();
    producer.tryWrite('in the ring');
    const view = consumer.peek()?.memory.subarray(8, 19) as Buffer;
    expect(view.toString()).toBe('in the ring');
    expect(producer.tryWrite(view)).toBe(true);
  });

  test('that is a Proxy or an object in disguise is refused', () => {
    const { ring, producer } = createEnds();
    const disguised = Object.create(Uint8Array.prototype);
    for (const record of [new Proxy(new Uint8Array(4), {}), disguised, { byteLength: 3 }]) {
      expect(codeOf(() => producer.tryWrite(record as Input))).toBe('INVALID_ARGUMENT');
      expect(codeOf(() => producer.tryWriteBatch(['a', record as Input]))).toBe('INVALID_ARGUMENT');
    }
    expect(ring.stats().written).toBe(0);
  });
});
