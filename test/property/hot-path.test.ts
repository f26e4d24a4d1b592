// The hot path in JavaScript is held to the Rust protocol: of two rings to which the same is done, one
// through it and one through the addon alone, every byte is the same after every step.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import { Ring } from 'shmring';
import { expect, test } from 'vitest';
import { HotPath } from '../../dist/hot-path.js';
import { closing } from '../helpers/rings.js';
import { fileOf, freshName } from '../helpers/scratch.js';
import { seedFor } from '../helpers/seed.js';

/** What differs between two segments and two moments, by offset and length: docs/format.md. */
const OF_ITS_OWN: readonly [number, number][] = [
  // The header: id, time of creation, checksum.
  [80, 24],
  [112, 8],
  // Both slots: when it was taken, and its claim's time, by either clock.
  ...[5120, 5632].flatMap((slot): [number, number][] => [
    [slot + 24, 8],
    [slot + 104, 8],
    [slot + 416, 8],
    [slot + 440, 8],
  ]),
];

function bytesOf(name: string): Buffer {
  const bytes = readFileSync(fileOf(name));
  for (const [start, length] of OF_ITS_OWN) bytes.fill(0, start, start + length);
  return bytes;
}

/** How many records the hot path has written in this process. */
let hot = 0;
const { tryWrite } = HotPath.prototype;
HotPath.prototype.tryWrite = function (record: unknown): boolean {
  const written = tryWrite.call(this, record);
  if (written) hot += 1;
  return written;
};

interface Start {
  /** Of the next record, in bytes. */
  position: bigint;
  /** Records before it. */
  written: bigint;
}

/** Where halves of words change sign or overflow. */
const STARTS: readonly Start[] = [
  { position: 0n, written: 0n },
  { position: 2n ** 31n - 1000n, written: 2n ** 20n },
  { position: 2n ** 32n - 1000n, written: 2n ** 20n },
  { position: 2n ** 36n - 1000n, written: 2n ** 31n - 20n },
  { position: 2n ** 53n + 64n, written: 2n ** 32n - 20n },
];

/** Makes a fresh ring one that has been used. */
function putStart(name: string, { position, written }: Start): void {
  const file = openSync(fileOf(name), 'r+');
  const put = (at: number, value: bigint) => {
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(value);
    writeSync(file, word, 0, 8, at);
  };
  for (const tailOrHead of [4096, 4224]) put(tailOrHead, position);
  for (const ledger of [5120 + 256, 5632 + 256]) {
    put(ledger, position);
    put(ledger + 8, written);
  }
  closeSync(file);
}

class Twin {
  readonly name = freshName();
  readonly #ring: Ring;
  readonly #hotPath: boolean;
  #producer;
  #consumer;

  constructor(hotPath: boolean, capacity: number, start: Start) {
    this.#ring = closing(Ring.create(this.name, { kind: 'spsc', capacity }));
    putStart(this.name, start);
    this.#hotPath = hotPath;
    this.#producer = this.#attach();
    this.#consumer = this.#ring.consumer();
  }

  #attach() {
    if (!this.#hotPath) process.env.SHMRING_HOT_PATH = 'off';
    try {
      return this.#ring.producer();
    } finally {
      delete process.env.SHMRING_HOT_PATH;
    }
  }

  do(step: Step): unknown {
    const record = Buffer.alloc(step.size, step.size);
    switch (step.what) {
      case 'write':
        return Array.from({ length: step.count }, () => this.#producer.tryWrite(record));
      case 'string':
        return this.#producer.tryWrite('é'.repeat(step.size));
      case 'batch':
        return this.#producer.tryWriteBatch(Array.from({ length: step.count % 8 }, () => record));
      case 'claim': {
        const at = this.#producer.tryClaim(step.size);
        if (at < 0) return at;
        this.#producer.memory.fill(7, at, at + step.size);
        if (step.count % 3 === 0) this.#producer.abort();
        else this.#producer.commit(Math.floor(step.size / (step.count % 3)));
        return at;
      }
      case 'drain': {
        const seen: string[] = [];
        this.#consumer.drain((memory, start, end, position) => {
          seen.push(`${position}:${memory.toString('latin1', start, end)}`);
        }, step.count);
        return seen;
      }
      case 'successor':
        this.#producer.close();
        this.#producer = this.#attach();
        return this.#ring.stats();
      case 'room':
        return this.#producer.waitForRoomSync(step.size, { timeoutMs: 0 });
    }
  }
}

const WHATS = ['write', 'write', 'write', 'string', 'batch', 'claim', 'drain', 'successor', 'room'] as const;
interface Step {
  what: (typeof WHATS)[number];
  size: number;
  count: number;
}

const steps = fc.array(
  fc.record({
    what: fc.constantFrom(...WHATS),
    size: fc.oneof(fc.nat(40), fc.nat(300)),
    count: fc.nat(80),
  }),
  { minLength: 10, maxLength: 60 },
);

test('what JavaScript writes by itself is, byte for byte, what the addon writes', () => {
  const seed = seedFor('twins');
  const before = hot;
  fc.assert(
    fc.property(steps, fc.constantFrom(4096, 16_384), fc.constantFrom(...STARTS), (all, capacity, start) => {
      const [one, other] = [new Twin(true, capacity, start), new Twin(false, capacity, start)];
      for (const step of all) {
        expect(one.do(step), step.what).toEqual(other.do(step));
        // A lease prepares the ledger's entry that is written next, so only what is true there counts.
        expect(differences(bytesOf(one.name), bytesOf(other.name)), step.what).toEqual([]);
      }
    }),
    { seed, numRuns: 100 },
  );
  // Else it would have been compared with itself.
  expect(hot - before).toBeGreaterThan(1000);
});

/** Offsets of the words that differ, but for the ledger's entry that is not the true one. */
function differences(one: Buffer, other: Buffer): number[] {
  const tail = other.readBigUInt64LE(4096);
  const stale = [5632 + 256, 5632 + 288].filter((entry) => other.readBigUInt64LE(entry) !== tail);
  const isStale = (at: number) => stale.some((entry) => at >= entry && at < entry + 32);
  const offsets: number[] = [];
  if (one.equals(other)) return offsets;
  for (let at = 0; at < one.length; at += 8) {
    if (one.readBigUInt64LE(at) !== other.readBigUInt64LE(at) && !isStale(at)) offsets.push(at);
  }
  return offsets;
}
