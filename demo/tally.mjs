// Counts what arrives of a stream of numbered records whose senders get killed.
//
// A record's length and content follow from its number, so that a torn one shows.

const HEADER_BYTES = 4;
const SHORTEST = 16;
const SPREAD = 1009;

/** @param {number} number */
function lengthOf(number) {
  return SHORTEST + ((Math.imul(number, 0x9e3779b1) >>> 0) % SPREAD);
}

/**
 * Makes record `number` in `scratch`, which has room for the largest.
 *
 * @param {Buffer} scratch
 * @param {number} number
 * @returns {Buffer} the part of it that is the record
 */
export function makeRecord(scratch, number) {
  const end = lengthOf(number);
  scratch.writeUInt32LE(number, 0);
  scratch.fill(number & 0xff, HEADER_BYTES, end);
  return scratch.subarray(0, end);
}

/** Bytes of the largest record. */
export const LARGEST = SHORTEST + SPREAD;

export class Tally {
  /** Different records that arrived. */
  delivered = 0;
  /** Records that arrived once more. */
  repeated = 0;
  /** Records that should have come before one that came. */
  skipped = 0;
  /** Records that are not as they were sent. */
  damaged = 0;
  /** The number that should come next. */
  next = 0;
  #example = Buffer.alloc(LARGEST);

  /**
   * @param {Buffer} memory
   * @param {number} start
   * @param {number} end
   */
  take(memory, start, end) {
    const number = end - start < SHORTEST ? Number.NaN : memory.readUInt32LE(start);
    if (Number.isNaN(number) || makeRecord(this.#example, number).compare(memory, start, end) !== 0) {
      this.damaged += 1;
    } else if (number < this.next) {
      this.repeated += 1;
    } else {
      this.skipped += number - this.next;
      this.delivered += 1;
      this.next = number + 1;
    }
  }

  /**
   * How many acknowledged records did not arrive.
   *
   * @param {number} acknowledged by all senders so far: numbers below this
   */
  lost(acknowledged) {
    return this.skipped + Math.max(0, acknowledged - this.next);
  }
}
