// Damage that follows from a seed, for tests and for the processes that they start.
import { readSync, writeSync } from 'node:fs';

const CONTROL = 4096;
const HEAD = CONTROL + 128;
const SLOTS = 5120;

/** Where things lie in a segment of the least capacity, see docs/format.md. */
export const PLACES = {
  spsc: { capacity: 4096, slots: 2, data: 8192, size: 12_288 },
  mpsc: { capacity: 65_536, slots: 255, chain: 139_264, data: 147_456, size: 212_992 },
};

/** Words on which much hangs: tail, head, seal and waiters; of the first slots state, label length, sleep,
 * wish, ledger, floor and what is void. */
const TELLING = [0, 128, 256, 384]
  .map((offset) => CONTROL + offset)
  .concat(
    [0, 1, 2].flatMap((slot) =>
      [0, 8, 128, 136, 256, 264, 288, 296, 320, 424, 432].map((at) => SLOTS + 512 * slot + at),
    ),
  );

const EXTREMES = [0n, 1n, 7n, 8n, 1n << 31n, (1n << 32n) - 1n, 1n << 53n, 1n << 62n, -8n, -1n];

/** Whole numbers below a limit that follow from the seed alone (mulberry32). */
export function diceFrom(seed) {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** The word before a record of so many bytes at this position (in bytes), its check included. */
export function recordHeader(position, byteLength, padding = false) {
  const low = byteLength | (padding ? 1n << 31n : 0n);
  const [here, above] = [BigInt.asUintN(32, position), position >> 32n];
  const sum = low * 0x9e3779b1n + here * 0x85ebca77n + above * 0xc2b2ae3dn;
  return low | ((BigInt.asUintN(32, sum) >> 16n) << 48n);
}

function put(fd, at, word) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, word));
  writeSync(fd, bytes, 0, 8, at);
}

function get(fd, at) {
  const bytes = Buffer.alloc(8);
  readSync(fd, bytes, 0, 8, at);
  return bytes.readBigUInt64LE();
}

/** A word of the chain that could stand at a position near the head's, but for one thing or another. */
function damageChain(fd, dice, { capacity, chain }) {
  const at = get(fd, HEAD) + BigInt(64 * dice(20));
  const lap = at / BigInt(capacity) + BigInt(dice(3) - (dice(2) + 1)) + 1n;
  const owner = BigInt([0, 1, 2, 254, 255][dice(5)]);
  const granules = BigInt([0, 1, 2, 9, 1023, 1024, 16_383][dice(7)]);
  const word = (lap << 24n) | (owner << 16n) | (granules << 2n) | BigInt(dice(4));
  put(fd, chain + Number(((at & BigInt(capacity - 1)) / 64n) * 8n), word);
}

/** The header of a record that could stand where the consumer is. */
function damageRecord(fd, dice, { capacity, data }) {
  const head = get(fd, HEAD);
  const offset = Number(head & BigInt(capacity - 8));
  const lengths = [dice(0x7fffffff), Math.max(0, capacity - offset - 8), dice(5000), 0];
  put(fd, data + offset, recordHeader(head, BigInt(lengths[dice(4)]), dice(2) === 0));
}

/**
 * Does one piece of damage to a ring of a kind: a bit, a byte, a word that is nearly right or an extreme, a
 * range, the header of a record, or a word of the chain.
 */
export function damage(fd, dice, kind) {
  const places = PLACES[kind];
  const where = dice(8);
  let at = dice(places.size);
  if (where === 0) at = dice(CONTROL);
  else if (where < 3) at = CONTROL + dice(2048);
  else if (where < 6) at = TELLING[dice(TELLING.length)];
  const word = at - (at % 8);
  const found = get(fd, word);
  const what = dice(8);
  if (what < 2) put(fd, word, found ^ (1n << BigInt(dice(64))));
  else if (what === 2) writeSync(fd, Buffer.from([dice(256)]), 0, 1, at);
  else if (what === 3) put(fd, word, found + BigInt(8 * (dice(1024) - 512)));
  else if (what === 4) put(fd, word, EXTREMES[dice(EXTREMES.length)]);
  else if (what === 5) put(fd, word, (BigInt(dice(0xffffffff)) << 32n) | BigInt(dice(0xffffffff)));
  else if (what === 6) (kind === 'mpsc' && dice(4) > 0 ? damageChain : damageRecord)(fd, dice, places);
  else {
    const length = Math.min(dice(300), places.size - at);
    writeSync(fd, Buffer.alloc(length, dice(2) * dice(256)), 0, length, at);
  }
}
