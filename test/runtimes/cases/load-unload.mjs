// The addon is loaded in Workers alone and unloaded with each of them, a thousand times or as often as
// the first argument says: whatever a Worker was doing, the process goes on, and nothing that it held
// stays behind.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { isMainThread, parentPort, threadId, Worker, workerData } from 'node:worker_threads';

/** Few where a Worker costs more than it does under Node. */
const WORKERS = Number(process.argv[2] ?? ('Bun' in globalThis || 'Deno' in globalThis ? 48 : 1000));
const AT_ONCE = 8;

const ENDS = ['leaves', 'closes', 'exits', 'is terminated', 'is terminated in a wait', 'is terminated early'];

/** What a Worker does. The package is imported here and nowhere else. */
async function work(how) {
  const { Ring } = await import('shmring');
  const name = `load-unload-${process.pid}-${threadId}`;
  const ring = Ring.create(name, { kind: 'spsc', capacity: 4096, lifetime: 'attached' });
  const producer = ring.producer();
  const consumer = ring.consumer();
  producer.tryWrite('x');
  producer.tryClaim(8);
  consumer.drain(() => {});
  globalThis.kept = [producer, consumer];
  if (how === 'closes') ring.close();
  parentPort.postMessage('loaded');
  if (how === 'exits') process.exit(0);
  if (how === 'is terminated in a wait') consumer.waitSync();
  if (how === 'is terminated') setInterval(() => {}, 1000);
}

/** One Worker from its beginning to its end. */
async function loadAndUnload(how, i) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { how } });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  const loaded = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  if (how === 'is terminated early') {
    loaded.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, i % 40));
  } else {
    assert.equal(await loaded, 'loaded');
  }
  if (how.startsWith('is terminated')) await worker.terminate();
  await ended;
}

/** Files of the Workers' rings; shared mappings and descriptors of anything. */
function held() {
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  const files = readdirSync(process.env.SHMRING_DIR ?? '/dev/shm');
  return {
    mappings: maps.filter((line) => / ..[-x]s /.test(line)),
    files: files.filter((file) => file.startsWith(`shmring.load-unload-${process.pid}-`)),
    descriptors: readdirSync('/proc/self/fd').length,
  };
}

async function inAll() {
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < WORKERS; i = next++) await loadAndUnload(ENDS[i % ENDS.length], i);
  };
  const before = held();
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const after = held();
  // Deno ends a Worker without the finalizers of its objects: its rings stay open, though not their ends.
  if (!('Deno' in globalThis)) {
    assert.deepEqual(after.mappings, before.mappings);
    assert.deepEqual(after.files, []);
  }
  assert.ok(after.descriptors <= before.descriptors + AT_ONCE, JSON.stringify({ before, after }));
}

if (isMainThread) {
  await inAll();
  process.exit(0);
} else {
  await work(workerData.how);
}
