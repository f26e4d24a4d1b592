// Damage done to a ring from outside, as another process would do it: through its file.
import { closeSync, openSync, writeSync } from 'node:fs';
import { PLACES } from './dice.mjs';
import { fileOf } from './scratch.js';

export { recordHeader } from './dice.mjs';

/** Where things lie in a segment of an `spsc` ring of 4096 bytes, see docs/format.md. */
export const TAIL = 4096;
export const HEAD = TAIL + 128;
export const CONSUMER_SLOT = 5120;
export const PRODUCER_SLOT = CONSUMER_SLOT + 512;
export const DATA = 8192;

/** Overwrites 8 bytes of a ring's file. */
export function overwrite(name: string, offset: number, value: bigint): void {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  const file = openSync(fileOf(name), 'r+');
  writeSync(file, bytes, 0, 8, offset);
  closeSync(file);
}

/**
 * The word of a reservation at `position` (in bytes) of an `mpsc` ring of the least capacity: of its lap or
 * `off` laps later; 0 reserved, 1 committed, 2 pad, 3 abandoned.
 */
export function chainWord(
  position: bigint,
  owner: number,
  granules: number,
  state: number,
  off = 0n,
): bigint {
  const lap = position / BigInt(PLACES.mpsc.capacity) + 1n + off;
  return (lap << 24n) | BigInt((owner << 16) | (granules << 2) | state);
}
