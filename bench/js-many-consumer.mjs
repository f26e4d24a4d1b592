// The consuming side of a run of several producers, and its clock: from the end of the warm-up until
// as many records again are read, over all producers. Then it ends the stream and reads what is left.
import { Ring } from '../dist/index.js';
import { checkRead, consume, readerOf } from './lib/reader.mjs';

const run = JSON.parse(process.argv[2]);
const ring = Ring.openOrCreate(run.name, run.ring);
const consumer = ring.consumer();

const reader = readerOf(run.size);
consumer.waitSync();
const began = process.hrtime.bigint();
const first = consume(consumer, reader, run.records, run.drainOptions);
const start = process.hrtime.bigint();
const timed = consume(consumer, reader, 2 * run.records - first, run.drainOptions);
const end = process.hrtime.bigint();
ring.seal();
let left = 0;
while (!consumer.ended) left += consumer.drainSync(reader);
const { full } = ring.stats();
ring.close();

const total = first + timed + left;
checkRead(total, run.size);
const each = (from, to, records) => Number(to - from) / records;
console.log(
  JSON.stringify({
    nsPerRecord: each(start, end, timed),
    warmUpNsPerRecord: each(began, start, first),
    read: total,
    full,
  }),
);
