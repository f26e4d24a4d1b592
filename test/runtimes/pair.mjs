// A mixed pair: a writer of one runtime and a reader of another on one spsc ring; or writers of several
// and a reader of another on one mpsc ring. The ring fills before the reader comes; the writers are killed
// midway, one after the other, and a successor writes to the end.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ring } from 'shmring';
import { NO_FAULTS } from '../helpers/checker.mjs';
import { Child, killChildren } from './child.mjs';

const CAPACITY = { spsc: 1 << 14, mpsc: 1 << 16 };
/** Records read before a writer is killed, and written by the successor. */
const BEFORE_THE_KILL = 5_000;
const OF_THE_SUCCESSOR = 20_000;
const PATIENCE_MS = 30_000;

// Which way to write and to read a pair takes follows from its place, so that all are taken often.
const WRITING = ['sync', 'try', 'claim', 'batch'];
const READING = ['drainSync', 'drain', 'read', 'peek', 'iterate'];

/**
 * @param {readonly import('./runtimes.mjs').Runtime[]} writers one, or several that write at the same time
 * @param {import('./runtimes.mjs').Runtime} reader
 * @param {number} place of this pair among all of its kind
 * @param {string} folder for the ring and the writers' books
 * @returns {Promise<import('./outcome.mjs').Outcome>}
 */
export async function runPair(writers, reader, place, folder) {
  const kind = writers.length === 1 ? 'spsc' : 'mpsc';
  const name = `pair-${kind}-${place}`;
  const ring = Ring.create(name, { kind, capacity: CAPACITY[kind], directory: folder });
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
 * @param {{ writers: readonly import('./runtimes.mjs').Runtime[], reader: import('./runtimes.mjs').Runtime, place: number, folder: string }} pair
 */
async function judgePair(ring, { writers, reader, place, folder }) {
  const { name } = ring;
  const env = { ...process.env, SHMRING_DIR: folder };
  const successor = writers.length + 1;
  /** @param {number} producer @param {object} more */
  const writer = (producer, more) => {
    const mode = WRITING[(place + producer) % WRITING.length];
    const { command } = /** @type {import('./runtimes.mjs').Runtime} */ (writers[producer - 1] ?? writers[0]);
    return new Child(command, 'producer', { name, producer, mode, ...more }, env);
  };
  /** @param {number} producer */
  const booksOf = (producer) => join(folder, `${name}-${producer}.books`);

  const ids = writers.map((_, i) => i + 1);
  const killed = ids.map((id) => writer(id, { books: booksOf(id) }));
  await Promise.all(killed.map((child) => child.message('attached')));
  await stalled(ring);
  const mode = READING[place % READING.length];
  const producers = [...ids, successor];
  const consumer = new Child(reader.command, 'consumer', { name, mode, producers }, env);
  await consumer.message('attached');
  for (const child of killed) {
    const enough = ring.stats().read + BEFORE_THE_KILL;
    await until(() => ring.stats().read >= enough, 'records read');
    await child.murder();
  }

  await writer(successor, { count: OF_THE_SUCCESSOR, seal: true }).finished();
  const { ended, verdict, records, next } = await consumer.message('done');
  await consumer.finished();

  assert.deepEqual(verdict, NO_FAULTS);
  assert.equal(ended, 'sealed');
  for (const id of ids) {
    const bytes = readFileSync(booksOf(id));
    const [begun, acknowledged] = [bytes.readDoubleLE(0), bytes.readDoubleLE(8)];
    const arrived = next[id - 1];
    const kept = `${acknowledged} acknowledged, ${arrived} arrived, ${begun} begun`;
    assert.ok(acknowledged <= arrived && arrived <= begun, kept);
  }
  assert.equal(next.at(-1), OF_THE_SUCCESSOR);
  assert.equal(
    records,
    next.reduce((/** @type {number} */ sum, /** @type {number} */ count) => sum + count, 0),
  );
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
