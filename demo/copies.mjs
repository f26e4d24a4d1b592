// How the real stream is checked: the receiver copies every record, with its length before it, one
// behind the other, and the SHA-256 over all of that is compared with the sender's. The lengths are
// in it so that records which were split or joined show.
import { createHash } from 'node:crypto';

const LENGTH_BYTES = 4;
const CHUNK_BYTES = 64 << 10;

/**
 * @param {import('./lines.mjs').Records} records
 * @returns {string} hexadecimal
 */
export function digestOf(records) {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let filled = 0;
  for (let index = 0; index < records.count; index += 1) {
    const record = records.recordAt(index);
    if (filled + LENGTH_BYTES + record.length > CHUNK_BYTES) {
      hash.update(chunk.subarray(0, filled));
      filled = 0;
    }
    filled = chunk.writeUInt32LE(record.length, filled);
    // Many small records a call: hashing each by itself would cost more than all the rest.
    if (filled + record.length <= CHUNK_BYTES) filled += record.copy(chunk, filled);
    else {
      hash.update(chunk.subarray(0, filled)).update(record);
      filled = 0;
    }
  }
  return hash.update(chunk.subarray(0, filled)).digest('hex');
}

/** What the receiver keeps of the real stream. */
export class Copies {
  count = 0;
  bytes = 0;
  #expected;
  #memory;
  #used = 0;

  /** @param {{ count: number, bytes: number, digest: string }} expected what the sender says it has */
  constructor(expected) {
    this.#expected = expected;
    // Filled, so that no page of it is touched for the first time while the clock runs.
    this.#memory = Buffer.alloc(expected.bytes + LENGTH_BYTES * expected.count, 1);
  }

  get total() {
    return this.#expected.count;
  }

  clear() {
    this.count = 0;
    this.bytes = 0;
    this.#used = 0;
    this.#memory.fill(1);
  }

  /**
   * @param {Buffer} memory
   * @param {number} start
   * @param {number} end
   */
  take(memory, start, end) {
    this.count += 1;
    this.bytes += end - start;
    if (this.#used + LENGTH_BYTES + end - start > this.#memory.length) return;
    this.#used = this.#memory.writeUInt32LE(end - start, this.#used);
    this.#memory.set(memory.subarray(start, end), this.#used);
    this.#used += end - start;
  }

  /** @returns {{ good: boolean, says: string }} */
  verdict() {
    const { count, bytes, digest } = this.#expected;
    const found = createHash('sha256').update(this.#memory.subarray(0, this.#used)).digest('hex');
    if (this.count !== count || this.bytes !== bytes) {
      return {
        good: false,
        says: `${this.count} records of ${this.bytes} bytes arrived, not ${count} of ${bytes}`,
      };
    }
    if (found !== digest) return { good: false, says: `SHA-256 differs: sent ${digest}, arrived ${found}` };
    return { good: true, says: 'SHA-256 equal' };
  }
}
