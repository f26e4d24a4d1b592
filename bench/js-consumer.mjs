// The consuming side of one JavaScript run, and its clock: from the end of the warm-up to the last
// record, without a pause between, so that both sides run when it starts.
import { Ring } from '../dist/index.js';
import { checkRead, read } from './lib/reader.mjs';

const run = JSON.parse(process.argv[2]);
const ring = Ring.openOrCreate(run.name, run.ring);
const consumer = ring.consumer({ endWhen: 'no-producers' });

// At least `records`, by whole drains; returns how many.
function consume(records) {
  let count = 0;
  while (count < records) {
    const drained = consumer.drainSync(read, run.drainOptions);
    if (drained === 0 && consumer.ended) throw new Error(`ended early: ${consumer.ended}`);
    count += drained;
  }
  return count;
}

const first = consume(run.records);
const start = process.hrtime.bigint();
const timed = consume(2 * run.records - first);
const nanoseconds = Number(process.hrtime.bigint() - start);
ring.close();

checkRead(first + timed);
console.log(JSON.stringify({ nsPerRecord: nanoseconds / timed }));
