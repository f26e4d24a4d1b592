// Writes a record from time to time, with a busy pause in between, and keeps what each write took. The
// warm-up's records follow each other ten times as fast.
import { placeThread, Ring } from '../dist/index.js';
import { percentiles } from './lib/latency/times.mjs';

const run = JSON.parse(process.argv[2]);
placeThread(run.place?.producer);
const ring = Ring.openOrCreate(run.name, run.ring);
const producer = ring.producer();
const record = Buffer.alloc(64, 0x61);
const view = new DataView(record.buffer, record.byteOffset, record.length);
const writes = new BigInt64Array(run.warmUp + run.wakes);

// The first record has to wait for somebody whom it can wake.
while (!producer.consumerAlive()) await new Promise((resolve) => setTimeout(resolve, 1));
for (let i = 0; i < writes.length; i++) {
  const least = 1000 * (i < run.warmUp ? run.pauseMicros / 10 : run.pauseMicros);
  const until = process.hrtime.bigint() + BigInt(Math.round(least * (1 + Math.random())));
  while (process.hrtime.bigint() < until);
  const before = process.hrtime.bigint();
  view.setBigInt64(0, before, true);
  if (!producer.tryWrite(record)) throw new Error('the ring is full');
  writes[i] = process.hrtime.bigint() - before;
}
ring.close();
console.log(JSON.stringify({ write: percentiles(writes.subarray(run.warmUp)) }));
