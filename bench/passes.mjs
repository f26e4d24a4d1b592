// A ring that one process fills and then empties, again and again: what its pages cost, the first time
// and later, without a second process. The job is a JSON argument, see lib/placement/measure.mjs.
import { Ring } from '../dist/index.js';
import { FILLING } from './lib/reader.mjs';

const { ring: options, size, passes } = JSON.parse(process.argv[2]);
const record = Buffer.alloc(size, FILLING);
const now = () => process.hrtime.bigint();

function fill(producer) {
  let records = 0;
  while (producer.tryWrite(record)) records++;
  return records;
}

// The first byte and the last. A field of an object, as captured variables are slow.
const seen = { sum: 0 };
function reader(memory, start, end) {
  seen.sum = (seen.sum + memory[start] + memory[end - 1]) | 0;
}

function empty(consumer) {
  let records = 0;
  for (let more = 1; more > 0; records += more) more = consumer.drain(reader);
  return records;
}

function pass(producer, consumer) {
  const began = now();
  const records = fill(producer);
  const filled = now();
  seen.sum = 0;
  const read = empty(consumer);
  const right = read === records && seen.sum === Math.imul(2 * FILLING, records);
  if (!right) throw new Error('what was read is not what was written');
  const each = (from, to) => Number(to - from) / records;
  return { write: each(began, filled), read: each(filled, now()) };
}

/** Passes over a fresh ring, and the milliseconds until it was there with both its ends. */
function measure(how, times) {
  const began = now();
  const ring = Ring.temporary(how);
  const [producer, consumer] = [ring.producer(), ring.consumer()];
  const openMs = Number(now() - began) / 1e6;
  const measured = Array.from({ length: times }, () => pass(producer, consumer));
  const huge = ring.hugePageBytes / 2 ** 20;
  ring.close();
  return { openMs, passes: measured, hugeMiB: huge };
}

// Compiled by then.
measure({ ...options, capacity: 1 << 22, prefault: true }, 20);
console.log(JSON.stringify(measure(options, passes)));
