// Sleeps in waitSync until a record is there, and keeps how long ago it was written: its first 8 bytes
// are the writer's clock.
import { placeThread, Ring } from '../dist/index.js';
import { clockCost, percentiles } from './lib/latency/times.mjs';

const run = JSON.parse(process.argv[2]);
placeThread(run.place?.consumer);
const ring = Ring.openOrCreate(run.name, run.ring);
const consumer = ring.consumer({ endWhen: 'no-producers' });
const delays = new BigInt64Array(run.warmUp + run.wakes);
const seen = { view: undefined, written: 0n };

function take(memory, start) {
  seen.view ??= new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  seen.written = seen.view.getBigInt64(start, true);
}

for (let i = 0; i < delays.length; i++) {
  const answer = consumer.waitSync();
  const woken = process.hrtime.bigint();
  if (answer !== 'ready') throw new Error(`waitSync: ${answer}`);
  // The first alone: one written since was not what woke this process.
  consumer.drain(take, 1);
  delays[i] = woken - seen.written;
}
ring.close();
console.log(JSON.stringify({ clock: clockCost(), wake: percentiles(delays.subarray(run.warmUp)) }));
