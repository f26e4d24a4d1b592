// Damage done to a ring from outside, as another process would do it: through its file.
import { closeSync, openSync, writeSync } from 'node:fs';
import { fileOf } from './scratch.js';

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

/** The word before a record of so many bytes at this position (in bytes), its check included. */
export function recordHeader(position: bigint, byteLength: bigint, padding = false): bigint {
  const low = byteLength | (padding ? 1n << 31n : 0n);
  const rotated = BigInt.asUintN(64, position << 29n) | (position >> 35n);
  const product = BigInt.asUintN(64, (low ^ rotated) * 0x9e3779b97f4a7c15n);
  return low | ((product >> 48n) << 48n);
}
