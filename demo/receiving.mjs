// The receiver's side of each transport. Each function returns when the last record was taken.
import { setImmediate as turn } from 'node:timers/promises';
import { FrameReader } from './frames.mjs';

/** So long the ring's loop keeps the thread; then the event loop has a turn, for signals and messages. */
const SLICE_MS = 40;

/**
 * Who takes the records: see `Copies` and `NumberCheck`.
 *
 * @typedef {object} Taker
 * @property {number} count of the records taken
 * @property {number} bytes
 * @property {number} total of the records to come
 * @property {(memory: Buffer, start: number, end: number) => void} take
 * @property {() => void} clear
 * @property {() => { good: boolean, says: string }} verdict
 */

/**
 * @param {import('shmring').Consumer} consumer
 * @param {Taker} taker
 * @param {(count: number) => void} onProgress
 */
export async function receiveByRing(consumer, taker, onProgress) {
  const take = taker.take.bind(taker);
  const handler = (/** @type {Buffer} */ memory, /** @type {number} */ start, /** @type {number} */ end) => {
    take(memory, start, end);
  };
  while (taker.count < taker.total) {
    const end = performance.now() + SLICE_MS;
    do consumer.drainSync(handler, { timeoutMs: SLICE_MS });
    while (taker.count < taker.total && performance.now() < end);
    onProgress(taker.count);
    if (taker.count < taker.total) await turn();
  }
}

/**
 * @param {import('node:stream').Readable} stream
 * @param {Taker} taker
 * @param {(count: number) => void} onProgress
 */
export function receiveByStream(stream, taker, onProgress) {
  return new Promise((/** @type {(value: void) => void} */ resolve) => {
    const reader = new FrameReader((memory, start, end) => taker.take(memory, start, end));
    const onData = (/** @type {Buffer} */ chunk) => {
      reader.push(chunk);
      onProgress(taker.count);
      if (taker.count >= taker.total) finish();
    };
    const finish = () => {
      stream.off('data', onData).off('end', finish).pause();
      resolve();
    };
    // Resumed because a run before may have paused it.
    stream.on('data', onData).on('end', finish).resume();
  });
}
