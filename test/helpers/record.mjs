// A record that can be checked by itself: producer, sequence, length and checksum, then bytes that
// follow from the first two. Plain JavaScript, since child processes use it too.

/** Bytes before the payload, and the least length of a record. */
export const HEADER_BYTES = 16;

function mix(a, b) {
  let hash = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Length in bytes of a record: mostly short, one in 64 anything up to `longest`. */
export function lengthOf(producer, sequence, longest) {
  const hash = mix(producer, sequence);
  const most = (hash & 63) === 0 ? longest : Math.min(longest, 128);
  return HEADER_BYTES + ((hash >>> 8) % (most - HEADER_BYTES + 1));
}

/** How many records the writer of batches puts together from this sequence on. */
export function batchLengthOf(sequence) {
  return 2 + (sequence % 7);
}

function put(memory, at, word) {
  memory[at] = word;
  memory[at + 1] = word >>> 8;
  memory[at + 2] = word >>> 16;
  memory[at + 3] = word >>> 24;
}

function get(memory, at) {
  return (memory[at] | (memory[at + 1] << 8) | (memory[at + 2] << 16) | (memory[at + 3] << 24)) >>> 0;
}

/** Over every byte but those of the checksum itself, in order. */
function checksum(memory, start, end) {
  let hash = 0x811c9dc5 ^ get(memory, start);
  hash = Math.imul(hash, 0x01000193) ^ get(memory, start + 4);
  hash = Math.imul(hash, 0x01000193) ^ get(memory, start + 8);
  let at = start + HEADER_BYTES;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash, 0x01000193) ^ get(memory, at);
    hash ^= hash >>> 15;
  }
  for (; at < end; at += 1) hash = Math.imul(hash, 0x01000193) ^ memory[at];
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Writes record `sequence` of `producer` to `memory`. */
export function fillRecord(memory, start, producer, sequence, length) {
  const end = start + length;
  put(memory, start, producer);
  put(memory, start + 4, sequence);
  put(memory, start + 8, length);
  let state = mix(producer, sequence) | 1;
  let at = start + HEADER_BYTES;
  for (; at + 4 <= end; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    put(memory, at, state);
  }
  for (; at < end; at += 1) {
    state >>>= 8;
    memory[at] = state;
  }
  put(memory, start + 12, checksum(memory, start, end));
}

/** Why the bytes are no whole record, or undefined. */
export function flawOf(memory, start, end) {
  if (end - start < HEADER_BYTES) return `${end - start} bytes are no record`;
  const length = get(memory, start + 8);
  if (length !== end - start) return `length ${length} in a record of ${end - start} bytes`;
  const expected = get(memory, start + 12);
  const found = checksum(memory, start, end);
  return found === expected ? undefined : `checksum ${found} instead of ${expected}`;
}

export const producerOf = (memory, start) => get(memory, start);
export const sequenceOf = (memory, start) => get(memory, start + 4);
