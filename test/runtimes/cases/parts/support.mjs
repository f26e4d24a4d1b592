// What the cases share. A case is a program: it ends with exit code 0, or says what does not hold.
import { Ring } from 'shmring';
import { Child, killChildren } from '../../child.mjs';
import { UNSUPPORTED_STATUS } from '../../outcome.mjs';
import { thisRuntime } from '../../runtimes.mjs';

/** Says that this runtime cannot do what the case is about, and ends it. */
export function unsupported(why) {
  console.log(`UNSUPPORTED: ${why}`);
  process.exit(UNSUPPORTED_STATUS);
}

const names = [];
process.on('exit', () => {
  for (const name of names) Ring.unlink(name);
});

/** The options of a ring of each kind with so many bytes, or what it needs at least. */
export const eachKind = (capacity) => [
  { kind: 'spsc', capacity },
  { kind: 'mpsc', capacity: Math.max(capacity, 1 << 16) },
];

/** A fresh `spsc` ring of 4096 bytes, or as the options say; its name goes with this process. */
export function createRing(options = {}) {
  const name = `case-${process.pid}-${names.length}`;
  names.push(name);
  return Ring.create(name, { kind: 'spsc', capacity: 4096, ...options });
}

export function createEnds(options) {
  const ring = createRing(options);
  return { ring, producer: ring.producer(), consumer: ring.consumer() };
}

/** Starts a fixture of the process tests in another process of this runtime. */
export function start(fixture, options) {
  return new Child(thisRuntime(), fixture, options);
}

/** Ends the case, whatever children it has. */
export async function done() {
  await killChildren();
  process.exit(0);
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until the condition holds; a limit that only a hang reaches. */
export async function until(condition, what, limitMs = 30_000) {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(5);
  }
}
