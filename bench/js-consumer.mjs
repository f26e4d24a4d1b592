// The consuming side of one JavaScript run, and its clock: from the end of the warm-up to the last
// record, without a pause between, so that both sides run when it starts.
import { Ring } from '../dist/index.js';

const run = JSON.parse(process.argv[2]);
const ring = Ring.openOrCreate(run.name, run.ring);
const consumer = ring.consumer({ endWhen: 'no-producers' });

// Each record's first 8 bytes and last byte are read, as the native consumer does it; the sum keeps
// the optimiser from leaving that out. Fields of an object, as captured variables are slow.
const seen = { view: undefined, sum: 0 };

function read(memory, start, end) {
  seen.view ??= new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const { view } = seen;
  seen.sum =
    (seen.sum + view.getInt32(start, true) + view.getInt32(start + 4, true) + view.getUint8(end - 1)) | 0;
}

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

const expected = Math.imul(first + timed, 2 * 0x61616161 + 0x61) | 0;
if (seen.sum !== expected) throw new Error('the records read are not the records written');
console.log(JSON.stringify({ nsPerRecord: nanoseconds / timed }));
