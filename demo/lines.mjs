// The real stream: every line of some files is a record, kept as ranges of one buffer.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** So much is read at most, so that the slowest transport stays within seconds. */
export const MOST_BYTES = 128 << 20;
export const MOST_RECORDS = 2_000_000;
/** A longer line, of minified code say, goes in pieces of this size. */
export const LONGEST_RECORD = 64 << 10;

const NEWLINE = 0x0a;

/**
 * A stream of records. `recordAt` may give the same buffer each time, with another content.
 *
 * @typedef {{ count: number, bytes: number, recordAt: (index: number) => Buffer }} Records
 */

/**
 * Reads files one behind the other until they end or the limit is reached.
 *
 * @param {readonly string[]} files
 * @param {number} [most] bytes
 * @returns {{ text: Buffer, filesRead: number, cutShort: boolean }}
 */
export function readFiles(files, most = MOST_BYTES) {
  /** @type {Buffer[]} */
  const parts = [];
  let room = most;
  for (const file of files) {
    if (room === 0) break;
    const part = readStart(file, room);
    parts.push(part);
    room -= part.length;
  }
  return { text: Buffer.concat(parts), filesRead: parts.length, cutShort: room === 0 };
}

/**
 * @param {string} file
 * @param {number} most bytes
 */
function readStart(file, most) {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.allocUnsafe(Math.min(fstatSync(descriptor).size, most));
    let filled = 0;
    for (let read = -1; read !== 0 && filled < buffer.length; filled += read) {
      read = readSync(descriptor, buffer, filled, buffer.length - filled, null);
    }
    return buffer.subarray(0, filled);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The lines of a text, without their line ends; an empty line is an empty record.
 *
 * @param {Buffer} text
 * @param {{ mostRecords?: number, longest?: number }} [limits]
 * @returns {Records & { cutShort: boolean, divided: number }} `divided`: how many lines went in pieces
 */
export function linesOf(text, { mostRecords = MOST_RECORDS, longest = LONGEST_RECORD } = {}) {
  const starts = new Uint32Array(mostRecords);
  const ends = new Uint32Array(mostRecords);
  let count = 0;
  let bytes = 0;
  let divided = 0;
  let at = 0;
  while (at < text.length && count < mostRecords) {
    const newline = text.indexOf(NEWLINE, at);
    const end = newline === -1 ? text.length : newline;
    if (end - at > longest) divided += 1;
    do {
      const piece = Math.min(end, at + longest);
      starts[count] = at;
      ends[count] = piece;
      count += 1;
      bytes += piece - at;
      at = piece;
    } while (at < end && count < mostRecords);
    at += at === end ? 1 : 0;
  }
  const recordAt = (/** @type {number} */ index) => text.subarray(starts[index], ends[index]);
  return { count, bytes, recordAt, cutShort: at < text.length, divided };
}
