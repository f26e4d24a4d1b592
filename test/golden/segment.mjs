// The text of a golden segment, as README.md says it is written.
import { readFileSync } from 'node:fs';

/** The version whose goldens are compared with. Those of an earlier one are never edited. */
const FOLDER = new URL('v1/', import.meta.url);

/** Of a slot, from its start: times since boot, in bytes that were reserved when the goldens were made. */
const LATER = [
  { at: 104, bytes: 24 },
  { at: 440, bytes: 8 },
];
const SLOT_BYTES = 512;
/** Where the header says how many slots there are, and where the first is. */
const SLOT_COUNT = 28;
const SLOTS = 56;

/** @param {string} name */
export const textOf = (name) => readFileSync(new URL(`${name}.txt`, FOLDER), 'utf8');

/**
 * @typedef {{ position: number, state: string, slot: number, byteLength: number, letters?: string }} Held
 *
 * @typedef {object} Golden
 * @property {Buffer} bytes
 * @property {Set<number>} any where any byte may stand
 * @property {Held[]} holds what lies in the ring; positions in bytes
 * @property {Record<string, number>} stats
 * @property {{ at: number, note: string }[]} notes of each line
 */

/**
 * @param {string} text
 * @returns {Golden}
 */
export function parse(text) {
  /** @type {Golden} */
  const golden = { bytes: Buffer.alloc(0), any: new Set(), holds: [], stats: {}, notes: [] };
  for (const whole of text.split('\n')) {
    const [line = '', note = ''] = whole.split('#');
    const [first = '', ...rest] = line.trim().split(/\s+/);
    if (first === 'size') golden.bytes = Buffer.alloc(Number(rest[0]));
    else if (first === 'stats') golden.stats = statsOf(rest);
    else if (first === 'holds') golden.holds.push(heldOf(rest));
    else if (first !== '') {
      golden.notes.push({ at: Number.parseInt(first, 16), note: note.trim() });
      put(golden, Number.parseInt(first, 16), rest);
    }
  }
  for (const at of laterBytesOf(golden.bytes)) golden.any.add(at);
  return golden;
}

/**
 * Every byte of those that have got a meaning since.
 *
 * @param {Buffer} bytes
 */
function laterBytesOf(bytes) {
  const slots = Number(bytes.readBigUInt64LE(SLOTS));
  const starts = Array.from({ length: bytes.readUInt32LE(SLOT_COUNT) }, (_, i) => slots + i * SLOT_BYTES);
  return starts.flatMap((start) =>
    LATER.flatMap(({ at, bytes }) => Array.from({ length: bytes }, (_, i) => start + at + i)),
  );
}

/** @param {string[]} words name and number in turn */
function statsOf(words) {
  const pairs = words.flatMap((word, i) => (i % 2 === 0 ? [[word, Number(words[i + 1])]] : []));
  return Object.fromEntries(pairs);
}

/**
 * @param {string[]} words
 * @returns {Held}
 */
function heldOf([state = '', position, slot, byteLength, quoted]) {
  const held = { state, position: Number(position), slot: Number(slot), byteLength: Number(byteLength) };
  return quoted === undefined ? held : { ...held, letters: quoted.slice(1, -1) };
}

/**
 * @param {Golden} golden
 * @param {number} start
 * @param {string[]} tokens
 */
function put({ bytes, any }, start, tokens) {
  let at = start;
  for (const token of tokens) {
    if (token.startsWith('"')) at += bytes.write(token.slice(1, -1), at, 'latin1');
    else if (token === '??') any.add(at++);
    else bytes[at++] = Number.parseInt(token, 16);
  }
}

/**
 * What is wrong with a segment that should be the golden one: its first other byte, and what that means.
 *
 * @param {Golden} golden
 * @param {Buffer} found
 */
export function differenceOf({ bytes, any, notes }, found) {
  if (found.length !== bytes.length) return `${found.length} bytes and not ${bytes.length}`;
  const at = bytes.findIndex((byte, index) => byte !== found[index] && !any.has(index));
  if (at < 0) return undefined;
  const line = notes.findLast((one) => one.at <= at);
  const [is, was] = [found[at], bytes[at]].map((byte) => byte?.toString(16));
  return `byte 0x${at.toString(16)} is 0x${is} and not 0x${was}; the golden's last line before, 0x${line?.at.toString(16)}, says: ${line?.note}`;
}
