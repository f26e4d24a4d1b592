// The addon is loaded in Workers alone and unloaded with each of them, a thousand times or as often as
// the first argument says: whatever a Worker was doing, the process goes on, and nothing that it held
// stays behind.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isMainThread, parentPort, threadId, Worker, workerData } from 'node:worker_threads';

const NODE = !('Bun' in globalThis || 'Deno' in globalThis);
/** Few where a Worker costs more than it does under Node. */
const WORKERS = Number(process.argv[2] ?? (NODE ? 1000 : 48));
const AT_ONCE = 8;

const ENDS = ['leaves', 'closes', 'exits', 'is terminated', 'is terminated early'];
// Deno lets a terminated Worker go on until its code returns, which this code never does.
if (!('Deno' in globalThis)) ENDS.push('is terminated in a wait');

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

/** What is held of rings: files, mappings, descriptors. */
function held() {
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  const descriptors = readdirSync('/proc/self/fd').map((number) => {
    // The one through which the folder was read is gone by now.
    return existsSync(`/proc/self/fd/${number}`) ? readlinkSync(`/proc/self/fd/${number}`) : '';
  });
  const files = readdirSync(process.env.SHMRING_DIR ?? '/dev/shm');
  // A segment has no name yet when it is opened and mapped, so that the kernel calls it deleted.
  const isSegment = (text) => /\/#\d+ \(deleted\)$/.test(text);
  return {
    mappings: maps.filter((line) => / ..[-x]s /.test(line) && isSegment(line)),
    descriptors: descriptors.filter(isSegment),
    files: files.filter((file) => file.startsWith(`shmring.load-unload-${process.pid}-`)),
  };
}

async function inAll() {
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < WORKERS; i = next++) await loadAndUnload(ENDS[i % ENDS.length], i);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  // Other runtimes do not wait for the thread's end.
  for (let tries = 0; !NODE && tries < 500 && held().mappings.length > 0; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.deepEqual(held(), { mappings: [], descriptors: [], files: [] });
}

if (isMainThread) {
  await inAll();
  process.exit(0);
} else {
  await work(workerData.how);
}
