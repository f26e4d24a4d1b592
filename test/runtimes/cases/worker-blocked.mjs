// A Worker that is terminated while a call of the package blocks it: its slots are free.
import assert from 'node:assert/strict';
import { Worker } from 'node:worker_threads';
import { createRing, sleep, unsupported, until } from './parts/support.mjs';

const message = (worker) =>
  new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));

/** Whether the runtime ends a Worker whose code never returns, without any of the package. */
async function endsBusyWorkers() {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    parentPort.postMessage('busy');
    for (;;) Atomics.add(workerData, 0, 1);`;
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(source, { eval: true, workerData: counter });
  await message(worker);
  await worker.terminate();
  // A second without a single count: on a busy machine a thread may not run for a while.
  for (let tries = 0; tries < 5; tries++) {
    const before = Atomics.load(counter, 0);
    await sleep(1000);
    if (Atomics.load(counter, 0) === before) return true;
  }
  return false;
}

if (!(await endsBusyWorkers())) unsupported('terminate() does not end a Worker whose code is running');

for (const role of ['waitSync', 'drainSync', 'writeSync', 'busy']) {
  const ring = createRing();
  const worker = new Worker(new URL('./parts/blocked-worker.mjs', import.meta.url), {
    workerData: { name: ring.name, role },
  });
  assert.equal(await message(worker), 'begins');
  await until(() => ring.owners().length === 1, 'the Worker is attached');
  await sleep(30);
  await worker.terminate();
  await until(() => ring.owners().every(({ alive }) => !alive), `the slot of ${role} is free`);
}
process.exit(0);
