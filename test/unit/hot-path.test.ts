// The hot path in JavaScript, looked at from inside: what each of its stores leaves behind if the process
// is killed right after it, and records that are not what they seem.
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Ring } from 'shmring';
import { beforeAll, describe, expect, test } from 'vitest';
import * as loaded from '../../dist/native.js';
import { closing, createEnds } from '../helpers/rings.js';
import { directory, fileOf, freshName, scratchFile } from '../helpers/scratch.js';

const source = createRequire(import.meta.url).resolve('../../dist/hot-path.js');

/** What of the addon is used here; its declarations are not shipped. */
interface Addon {
  createRing(name: string, options: object): { attachProducer(label: string): number; close(): void };
  producerMemory(handle: number): Buffer;
  tryWrite(handle: number, record: Uint8Array): undefined | false;
  closeProducer(handle: number): void;
}
const { native } = loaded as unknown as { native: Addon };

/** Words of the consumer's slot: docs/format.md. */
const SLEEP = 5120 + 128;
const EPOCH = SLEEP + 4;
/** One of the control words. */
const FULL_FENCES = 4096 + 256 + 8;

interface Hot {
  tryWrite(record: unknown): boolean;
  refresh(): void;
}

/** Called after each store into the segment, and before a payload is copied. */
const stepping = globalThis as {
  afterStore?: (() => void) | undefined;
  beforeCopy?: (() => void) | undefined;
};

/** The shipped code, with a look at the segment after each store. */
async function stepped(): Promise<{ HotPath: { of(handle: number): Hot } }> {
  const text = readFileSync(source, 'utf8')
    .replace(/from '\.\/(.+?)'/g, (_, file) => `from '${new URL(file, pathToFileURL(source))}'`)
    .replace(/^(\s+)((words\[[^;]+\] =|copy\()[^;]+;)/gm, '$1$2 globalThis.afterStore?.();')
    .replace('copy(this', 'globalThis.beforeCopy?.(); copy(this');
  expect(text.split('afterStore').length - 1).toBeGreaterThan(9);
  const file = scratchFile('mjs');
  writeFileSync(file, text);
  return import(/* @vite-ignore */ pathToFileURL(file).href);
}

let HotPath: Awaited<ReturnType<typeof stepped>>['HotPath'];
beforeAll(async () => {
  ({ HotPath } = await stepped());
});

/** A producer of a fresh ring, without the package's own hot path. */
function attach() {
  const name = freshName();
  const ring = native.createRing(name, { kind: 'spsc', capacity: 4096, directory });
  const handle = ring.attachProducer('');
  native.producerMemory(handle);
  return { name, ring, handle, hot: HotPath.of(handle) };
}

/** What those find who come after everybody was killed at this moment. */
function afterAKill(segment: Buffer): { records: string[]; written: number } {
  const name = freshName();
  writeFileSync(fileOf(name), segment, { mode: 0o600 });
  const ring = Ring.open(name);
  try {
    const consumer = ring.consumer();
    const records: string[] = [];
    const take = (memory: Buffer, start: number, end: number) => {
      records.push(memory.toString('latin1', start, end));
    };
    while (consumer.drain(take) > 0);
    const { written } = ring.stats();
    const producer = ring.producer();
    expect(producer.tryWrite('the successor')).toBe(true);
    expect(consumer.tryRead()?.toString()).toBe('the successor');
    return { records, written };
  } finally {
    ring.unlink();
    ring.close();
  }
}

describe('a kill after any store of the hot path', () => {
  test('leaves the records before it, and that one whole or not at all', () => {
    const { name, ring, handle, hot } = attach();
    const acknowledged: string[] = [];
    let inProgress: string | undefined;
    let [kills, byItself] = [0, 0];
    const look = () => {
      const { records, written } = afterAKill(readFileSync(fileOf(name)));
      const without = [...acknowledged];
      const whole = inProgress === undefined ? without : [...without, inProgress];
      expect([without, whole]).toContainEqual(records);
      expect(written).toBe(records.length);
      kills += 1;
    };
    stepping.afterStore = look;
    try {
      for (let number = 0; number < 30; number++) {
        inProgress = `${number}`.repeat(1 + (number % 20));
        const record = Buffer.from(inProgress);
        if (hot.tryWrite(record)) byItself += 1;
        else {
          expect(native.tryWrite(handle, record)).toBe(undefined);
          hot.refresh();
        }
        acknowledged.push(inProgress);
        inProgress = undefined;
        look();
      }
    } finally {
      stepping.afterStore = undefined;
      native.closeProducer(handle);
      ring.close();
      Ring.unlink(name);
    }
    expect(byItself).toBeGreaterThan(25);
    expect(kills).toBeGreaterThan(9 * byItself);
  });
});

test('a lease that JavaScript was stopped before it took notice of is not written into', () => {
  const { name, ring, handle, hot } = attach();
  const write = (text: string) => expect(native.tryWrite(handle, Buffer.from(text))).toBe(undefined);
  write('0');
  hot.refresh();
  for (const text of ['1', '2']) expect(hot.tryWrite(Buffer.from(text))).toBe(true);
  // At the end of the lease another is made, which is not looked for.
  const rest = Array.from({ length: 4 }, () => Buffer.alloc(1000, 'r'));
  for (const record of rest) if (!hot.tryWrite(record)) native.tryWrite(handle, record);
  const consumer = closing(Ring.open(name)).consumer();
  consumer.drain(() => {});
  write('3');
  expect(hot.tryWrite(Buffer.from('lost'))).toBe(false);
  write('4');
  const seen: string[] = [];
  consumer.drain((memory, start, end) => {
    seen.push(memory.toString('latin1', start, end));
  });
  expect(seen.filter((text) => text.length === 1)).toEqual(['3', '4']);
  native.closeProducer(handle);
  ring.close();
});

/** Of a later library than the one that is compiled against; every supported runtime has it. */
function growable(length: number, maxByteLength: number) {
  const Growable = SharedArrayBuffer as unknown as new (length: number, options: object) => Growing;
  type Growing = SharedArrayBuffer & { grow(length: number): void };
  return new Growable(length, { maxByteLength });
}

describe('the addon has to write', () => {
  /** A hot path with a lease that ends where unread records begin. */
  function leased() {
    const name = freshName();
    const ring = native.createRing(name, { kind: 'spsc', capacity: 64 << 10, directory });
    const handle = ring.attachProducer('');
    native.producerMemory(handle);
    const hot = HotPath.of(handle);
    for (let i = 0; i < 63; i++) expect(native.tryWrite(handle, Buffer.alloc(1000))).toBe(undefined);
    expect(
      closing(Ring.open(name))
        .consumer()
        .drain(() => {}, 32),
    ).toBe(32);
    for (const length of [3000, 24]) expect(native.tryWrite(handle, Buffer.alloc(length))).toBe(undefined);
    hot.refresh();
    expect(hot.tryWrite(Buffer.alloc(24))).toBe(true);
    const close = () => {
      native.closeProducer(handle);
      ring.close();
      Ring.unlink(name);
    };
    return { name, hot, close };
  }

  test('once somebody needs full fences', () => {
    const { name, hot, close } = leased();
    const file = openSync(fileOf(name), 'r+');
    writeSync(file, Buffer.from([1]), 0, 1, FULL_FENCES);
    closeSync(file);
    expect(hot.tryWrite(Buffer.alloc(24))).toBe(false);
    close();
  });

  test('a record that grows past the lease while it is copied', () => {
    const { name, hot, close } = leased();
    const shared = growable(64, 40 << 10);
    const record = new Uint8Array(shared);
    const before = readFileSync(fileOf(name));
    stepping.beforeCopy = () => shared.grow(40 << 10);
    try {
      expect(hot.tryWrite(record)).toBe(false);
    } finally {
      stepping.beforeCopy = undefined;
    }
    expect(readFileSync(fileOf(name)).equals(before)).toBe(true);
    close();
  });
});

describe('a record that is not what it seems', () => {
  const LARGE = 1 << 20;

  /** A ring in which the hot path has a lease. */
  function leased() {
    const ends = createEnds({ capacity: 64 << 10 });
    for (let i = 0; i < 4; i++) expect(ends.producer.tryWrite(Buffer.alloc(24))).toBe(true);
    expect(ends.consumer.drain(() => {})).toBe(4);
    return ends;
  }

  test('but says that it is longer or shorter is written as it is', () => {
    const { producer, consumer } = leased();
    const record = Buffer.from('twelve bytes');
    Object.defineProperty(record, 'length', { value: 3 });
    Object.defineProperty(record, 'byteLength', { value: LARGE });
    Object.defineProperty(record, Symbol.toStringTag, { value: 'Nothing' });
    expect(producer.tryWrite(record)).toBe(true);
    expect(consumer.tryRead()?.toString()).toBe('twelve bytes');
  });

  test('but has lost its memory is refused, and the next one is written', () => {
    const { producer, consumer } = leased();
    const record = new Uint8Array(32);
    structuredClone(record.buffer, { transfer: [record.buffer] });
    expect(() => producer.tryWrite(record)).toThrow(
      expect.objectContaining({ code: 'ERR_SHMRING_INVALID_ARGUMENT' }),
    );
    expect(producer.tryWrite(Buffer.from('next'))).toBe(true);
    expect(consumer.tryRead()?.toString()).toBe('next');
  });

  test('but a part of the ring itself is copied as it was', () => {
    const { producer, consumer } = leased();
    const at = producer.tryClaim(16);
    producer.memory.write('sixteen letters!', at, 'latin1');
    producer.commit();
    expect(producer.tryWrite(producer.memory.subarray(at, at + 16))).toBe(true);
    expect([consumer.tryRead(), consumer.tryRead()].map(String)).toEqual([
      'sixteen letters!',
      'sixteen letters!',
    ]);
  });

  test('but is shared, or of another kind, or empty is written whole', () => {
    const { producer, consumer } = leased();
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(65);
    const wide = new Uint16Array([0x4242, 0x4343]);
    for (const record of [shared, wide, new Uint8Array(0), new DataView(wide.buffer)]) {
      expect(producer.tryWrite(record)).toBe(true);
    }
    const seen = Array.from({ length: 4 }, () => consumer.tryRead()?.toString('latin1'));
    expect(seen).toEqual(['AAAAAAAA', 'BBCC', '', 'BBCC']);
  });
});

describe('with a lease', () => {
  test('a sealed ring, an open claim and a closed producer refuse what they refuse without', () => {
    const { ring, producer } = createEnds({ capacity: 64 << 10 });
    const record = Buffer.alloc(24);
    const codeOf = (write: () => unknown) => {
      try {
        return write();
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const write = () => producer.tryWrite(record);
    expect([write(), write()]).toEqual([true, true]);
    producer.tryClaim(8);
    expect(codeOf(write)).toBe('ERR_SHMRING_CLAIM_OPEN');
    producer.abort();
    expect([write(), write()]).toEqual([true, true]);
    ring.seal();
    expect(codeOf(write)).toBe('ERR_SHMRING_SEALED');
    expect(ring.stats()).toMatchObject({ written: 4, recordsWaiting: 4 });
    producer.close();
    expect(codeOf(write)).toBe('ERR_SHMRING_CLOSED');
  });

  test('a consumer that sleeps is rung for, once a sleep', () => {
    const { ring, producer } = createEnds({ capacity: 64 << 10 });
    const file = openSync(fileOf(ring.name), 'r+');
    const word = Buffer.alloc(4);
    const epoch = () => {
      readSync(file, word, 0, 4, EPOCH);
      return word.readUInt32LE();
    };
    const asleep = (number: number) => {
      word.writeUInt32LE(number);
      writeSync(file, word, 0, 4, SLEEP);
    };
    try {
      const write = () => expect(producer.tryWrite(Buffer.alloc(24))).toBe(true);
      write();
      for (const number of [101, 103, 105]) {
        const before = epoch();
        asleep(number - 1);
        write();
        expect(epoch()).toBe(before);
        asleep(number);
        write();
        expect(epoch()).toBe(before + 1);
        write();
        expect(epoch()).toBe(before + 1);
      }
    } finally {
      closeSync(file);
    }
  });
});
