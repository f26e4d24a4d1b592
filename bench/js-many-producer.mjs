// One of the producing sides of a run of several: writes until the consumer, which has the clock,
// seals the ring, so that all producers write all the time. Waits as a program does when the ring is
// full: with more processes than cores, trying again at once would keep the consumer from its core.
import { Ring } from '../dist/index.js';
import { FILLING } from './lib/reader.mjs';

const run = JSON.parse(process.argv[2]);
/** Calls of the loop in one call, so that it is compiled soon and entered anew. */
const CALLS = 10_000;

const ring = Ring.openOrCreate(run.name, run.ring);
const producer = ring.producer();
const record = Buffer.alloc(run.size, FILLING);
const batch = Array.from({ length: run.batch }, () => Buffer.alloc(run.size, FILLING));
/** Bytes to wait for when a batch did not fit: with what headers and padding take. */
const batchBytes = run.batch * (run.size + 64);
// A field of an object, as captured variables are slow.
const acknowledged = { records: 0 };

function write() {
  for (let i = 0; i < CALLS; i++) {
    if (!producer.tryWrite(record)) producer.writeSync(record);
    acknowledged.records++;
  }
}

function writeBatches() {
  for (let i = 0; i < CALLS; i++) {
    const written = producer.tryWriteBatch(batch);
    if (written < batch.length) producer.waitForRoomSync(batchBytes);
    acknowledged.records += written;
  }
}

// All begin together. Whoever comes late to see it sees that somebody has begun.
const nobody = new Int32Array(new SharedArrayBuffer(4));
for (;;) {
  const { producers, consumers, written } = ring.stats();
  if ((producers === run.producers && consumers === 1) || written > 0) break;
  Atomics.wait(nobody, 0, 0, 1);
}

try {
  for (;;) {
    if (run.batch === 1) write();
    else writeBatches();
  }
} catch (error) {
  if (error.code !== 'ERR_SHMRING_SEALED') throw error;
}
ring.close();
console.log(JSON.stringify({ written: acknowledged.records }));
