// A Worker has handles of its own, and leaves when it is terminated as a killed process would.
import assert from 'node:assert/strict';
import { Worker } from 'node:worker_threads';
import { Checker, NO_FAULTS } from '../../helpers/checker.mjs';
import { createRing, until } from './parts/support.mjs';

const FIXTURE = new URL('../../process/fixtures/worker-end.mjs', import.meta.url);
const COUNT = 10_000;

const startWorker = (workerData) => new Worker(FIXTURE, { workerData });
const message = (worker) =>
  new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));

{
  const ring = createRing({ capacity: 1 << 14 });
  const consumer = ring.consumer();
  const worker = startWorker({ name: ring.name, role: 'producer', count: COUNT, longest: 500 });
  const told = message(worker);
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const checker = new Checker();
  for await (const batch of consumer.batches()) {
    const { memory, ranges, count } = batch;
    for (let i = 0; i < count; i++) {
      checker.accept(memory, ranges[2 * i], ranges[2 * i + 1], batch.positionAt(i));
    }
    batch.release();
  }
  checker.finish(1, COUNT);
  assert.deepEqual(checker.verdict(), NO_FAULTS);
  assert.deepEqual(await told, { written: COUNT });
  assert.equal(await exited, 0);
}

// Terminated with a claim open and a wait pending, after it has written one record.
for (let round = 0; round < 3; round++) {
  const ring = createRing();
  const worker = startWorker({ name: ring.name, role: 'hold' });
  assert.equal(await message(worker), 'holding');
  assert.equal(ring.owners().filter(({ alive }) => alive).length, 2);
  await worker.terminate();
  // Not every runtime's promise waits for the thread's end.
  await until(() => ring.owners().every(({ alive }) => !alive), 'the slots are free');
  assert.equal(String(ring.consumer().tryRead()), 'committed');
  assert.equal(ring.producer().tryWrite('of a successor'), true);
}
process.exit(0);
