// The headline's records: 1 KiB each, with their number in the first and the last four bytes.

export const RECORD_BYTES = 1024;
const LAST = RECORD_BYTES - 4;
/** One record in so many is compared from end to end. */
const WHOLE_EVERY = 64;

/** The number at the end is the complement: a record that is not there cannot look like one. */
const complement = (/** @type {number} */ number) => ~number >>> 0;

function body() {
  const bytes = Buffer.allocUnsafe(RECORD_BYTES);
  for (let at = 0; at < RECORD_BYTES; at += 1) bytes[at] = (at * 167 + 13) & 0xff;
  return bytes;
}

/**
 * @param {Buffer} record
 * @param {number} number
 */
function stamp(record, number) {
  record.writeUInt32LE(number, 0);
  record.writeUInt32LE(complement(number), LAST);
  return record;
}

/**
 * @param {number} count
 * @returns {import('./lines.mjs').Records}
 */
export function numberedRecords(count) {
  const record = body();
  return { count, bytes: count * RECORD_BYTES, recordAt: (index) => stamp(record, index) };
}

/** Checks each record as it comes, and keeps none. */
export class NumberCheck {
  count = 0;
  bytes = 0;
  #flawed = 0;
  #example = body();

  /** @param {number} total */
  constructor(total) {
    this.total = total;
  }

  clear() {
    this.count = 0;
    this.bytes = 0;
    this.#flawed = 0;
  }

  /**
   * @param {Buffer} memory
   * @param {number} start
   * @param {number} end
   */
  take(memory, start, end) {
    const number = this.count;
    this.count += 1;
    this.bytes += end - start;
    const right =
      end - start === RECORD_BYTES &&
      memory.readUInt32LE(start) === number &&
      memory.readUInt32LE(start + LAST) === complement(number);
    if (!right) this.#flawed += 1;
    else if (number % WHOLE_EVERY === 0 && stamp(this.#example, number).compare(memory, start, end) !== 0) {
      this.#flawed += 1;
    }
  }

  /** @returns {{ good: boolean, says: string }} */
  verdict() {
    if (this.count !== this.total) return { good: false, says: `${this.count} arrived, not ${this.total}` };
    if (this.#flawed > 0) return { good: false, says: `${this.#flawed} records out of order or damaged` };
    return { good: true, says: 'every number in order' };
  }
}
