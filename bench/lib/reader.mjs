// What a consumer of a run does with a record: its first 8 bytes and its last byte are read, as the
// native consumer does it. The sum keeps the optimiser from leaving that out.

/** What every byte of a record is. */
export const FILLING = 0x61;

// Fields of an object, as captured variables are slow.
const seen = { view: undefined, sum: 0 };

function read(memory, start, end) {
  seen.view ??= new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const { view } = seen;
  seen.sum =
    (seen.sum + view.getInt32(start, true) + view.getInt32(start + 4, true) + view.getUint8(end - 1)) | 0;
}

/** The same for records of less than 8 bytes: the last byte. */
function readLast(memory, _start, end) {
  seen.sum = (seen.sum + memory[end - 1]) | 0;
}

/** What a consumer does with records of `size` bytes. */
export const readerOf = (size) => (size < 8 ? readLast : read);

/** Reads at least `records`, by whole drains; returns how many. */
export function consume(consumer, reader, records, drainOptions) {
  let count = 0;
  while (count < records) {
    const drained = consumer.drainSync(reader, drainOptions);
    if (drained === 0 && consumer.ended) throw new Error(`ended early: ${consumer.ended}`);
    count += drained;
  }
  return count;
}

/** Throws unless what was read is `records` records of `size` bytes. */
export function checkRead(records, size) {
  const each = size < 8 ? FILLING : 2 * 0x01010101 * FILLING + FILLING;
  const expected = Math.imul(records, each) | 0;
  if (seen.sum !== expected) throw new Error('the records read are not the records written');
}
