// The consuming side of one JavaScript run, and its clock: from the end of the warm-up to the last
// record, without a pause between, so that both sides run when it starts.
import { placeThread, Ring } from '../dist/index.js';
import { checkRead, consume, readerOf } from './lib/reader.mjs';

const run = JSON.parse(process.argv[2]);
placeThread(run.place?.consumer);
const ring = Ring.openOrCreate(run.name, run.ring);
const consumer = ring.consumer({ endWhen: 'no-producers' });

const reader = readerOf(run.size);
consumer.waitSync();
const began = process.hrtime.bigint();
const first = consume(consumer, reader, run.records, run.drainOptions);
const start = process.hrtime.bigint();
const timed = consume(consumer, reader, 2 * run.records - first, run.drainOptions);
const end = process.hrtime.bigint();
ring.close();

checkRead(first + timed, run.size);
const each = (from, to, records) => Number(to - from) / records;
console.log(
  JSON.stringify({ nsPerRecord: each(start, end, timed), warmUpNsPerRecord: each(began, start, first) }),
);
