// A mixed pair: writers of one runtime and a reader of another on one ring. The ring fills before the
// reader comes; the first writer is killed midway, and a successor writes to the end.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ring } from 'shmring';
import { NO_FAULTS } from '../helpers/checker.mjs';
import { Child, killChildren } from './child.mjs';

const CAPACITY = 1 << 14;
/** Records read of the first writer before it is killed, and written by its successor. */
const BEFORE_THE_KILL = 5_000;
const OF_THE_SUCCESSOR = 20_000;
const PATIENCE_MS = 30_000;

// Which way to write and to read a pair takes follows from its place, so that all are taken often.
const WRITING = ['sync', 'try', 'claim', 'batch'];
const READING = ['drainSync', 'drain', 'read', 'peek', 'iterate'];

/**
 * @param {import('./runtimes.mjs').Runtime} writers
 * @param {import('./runtimes.mjs').Runtime} reader
 * @param {number} place of this pair among all
 * @param {string} folder for the ring and the writer's books
 * @returns {Promise<import('./outcome.mjs').Outcome>}
 */
export async function runPair(writers, reader, place, folder) {
  const name = `pair-${place}`;
  const ring = Ring.create(name, { kind: 'spsc', capacity: CAPACITY, directory: folder });
  try {
    await judgePair(ring, { writers, reader, place, folder });
    return { verdict: 'passed' };
  } catch (error) {
    return { verdict: 'failed', detail: /** @type {Error} */ (error).message };
  } finally {
    await killChildren();
    ring.unlink();
    ring.close();
  }
}

/**
 * @param {Ring} ring
 * @param {{ writers: import('./runtimes.mjs').Runtime, reader: import('./runtimes.mjs').Runtime, place: number, folder: string }} pair
 */
async function judgePair(ring, { writers, reader, place, folder }) {
  const { name } = ring;
  const books = join(folder, `${name}.books`);
  const env = { ...process.env, SHMRING_DIR: folder };
  /** @param {number} producer @param {object} more */
  const writer = (producer, more) => {
    const mode = WRITING[(place + producer) % WRITING.length];
    return new Child(writers.command, 'producer', { name, producer, mode, ...more }, env);
  };

  const first = writer(1, { books });
  await first.message('attached');
  await stalled(ring);
  const mode = READING[place % READING.length];
  const consumer = new Child(reader.command, 'consumer', { name, mode, producers: [1, 2] }, env);
  await consumer.message('attached');
  await until(() => ring.stats().read >= BEFORE_THE_KILL, 'records read');
  await first.murder();
  const bytes = readFileSync(books);
  const [begun, acknowledged] = [bytes.readDoubleLE(0), bytes.readDoubleLE(8)];

  const successor = writer(2, { count: OF_THE_SUCCESSOR, seal: true });
  await successor.finished();
  const { ended, verdict, records, next } = await consumer.message('done');
  await consumer.finished();

  assert.deepEqual(verdict, NO_FAULTS);
  assert.equal(ended, 'sealed');
  const [ofFirst, ofSuccessor] = next;
  const kept = `${acknowledged} acknowledged, ${ofFirst} arrived, ${begun} begun`;
  assert.ok(acknowledged <= ofFirst && ofFirst <= begun, kept);
  assert.equal(ofSuccessor, OF_THE_SUCCESSOR);
  assert.equal(records, ofFirst + ofSuccessor);
  const { written, read, recordsWaiting } = ring.stats();
  assert.deepEqual({ written, read, recordsWaiting }, { written: records, read: records, recordsWaiting: 0 });
}

/**
 * Waits until the writer has filled the ring and waits for room.
 *
 * @param {Ring} ring
 */
async function stalled(ring) {
  let before = 0;
  let written = 0;
  do {
    before = written;
    await sleep(20);
    ({ written } = ring.stats());
  } while (written === 0 || written !== before);
}

/**
 * @param {() => boolean} condition
 * @param {string} what
 */
async function until(condition, what) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await sleep(2);
  }
}
