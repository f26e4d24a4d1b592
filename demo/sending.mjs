// The sender's side of each transport. Each function sends every record in order.
import { once } from 'node:events';
import { frame, LENGTH_BYTES } from './frames.mjs';

/** What is written at once where records are batched by hand. */
const BATCH_BYTES = 64 << 10;

/** @typedef {import('./lines.mjs').Records} Records */

/**
 * @param {Records} records
 * @param {import('shmring').Producer} producer
 */
export function sendByRing(records, producer) {
  for (let index = 0; index < records.count; index += 1) {
    // Blocks while the ring is full; throws when the receiver is gone, instead of waiting for nobody.
    producer.writeSync(records.recordAt(index), { requireConsumer: true });
  }
}

/**
 * A write a record, as people do.
 *
 * @param {Records} records
 * @param {import('node:stream').Writable} stream
 */
export async function sendEach(records, stream) {
  for (let index = 0; index < records.count; index += 1) {
    if (!stream.write(frame(records.recordAt(index)))) await once(stream, 'drain');
  }
}

/**
 * As many records a write as go into 64 KiB.
 *
 * @param {Records} records
 * @param {import('node:stream').Writable} stream
 */
export async function sendBatched(records, stream) {
  // A new one for each write: the stream keeps what it is given until it is written.
  let batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  let filled = 0;
  for (let index = 0; index < records.count; index += 1) {
    const record = records.recordAt(index);
    const needed = LENGTH_BYTES + record.length;
    if (filled > 0 && filled + needed > BATCH_BYTES) {
      if (!stream.write(batch.subarray(0, filled))) await once(stream, 'drain');
      batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
      filled = 0;
    }
    if (needed > BATCH_BYTES) {
      if (!stream.write(frame(record))) await once(stream, 'drain');
    } else {
      filled = batch.writeUInt32LE(record.length, filled);
      filled += record.copy(batch, filled);
    }
  }
  if (filled > 0 && !stream.write(batch.subarray(0, filled))) await once(stream, 'drain');
}
