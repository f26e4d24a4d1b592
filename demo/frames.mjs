// Records on a byte stream: four bytes of length before each, as one does by hand.

export const LENGTH_BYTES = 4;

/**
 * @param {Buffer} record
 * @returns {Buffer} a new one, for the stream keeps what it is given
 */
export function frame(record) {
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + record.length);
  framed.writeUInt32LE(record.length, 0);
  record.copy(framed, LENGTH_BYTES);
  return framed;
}

/** Finds the records in the chunks of a stream. */
export class FrameReader {
  /** @type {Buffer} the start of a frame whose end has not come yet */
  #rest = Buffer.alloc(0);

  /** @param {(memory: Buffer, start: number, end: number) => void} take is called once a record */
  constructor(take) {
    this.take = take;
  }

  /** @param {Buffer} chunk */
  push(chunk) {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + LENGTH_BYTES <= bytes.length) {
      const start = at + LENGTH_BYTES;
      const end = start + bytes.readUInt32LE(at);
      if (end > bytes.length) break;
      this.take(bytes, start, end);
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}
