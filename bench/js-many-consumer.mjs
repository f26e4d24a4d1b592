// The consuming side of a run of several producers, and its clock: from the end of the warm-up until
// as many records again are read, over all producers. Then it ends the stream and reads what is left.
import { Ring } from '../dist/index.js';
import { checkRead, consume, read } from './lib/reader.mjs';

const run = JSON.parse(process.argv[2]);
const ring = Ring.openOrCreate(run.name, run.ring);
const consumer = ring.consumer();

const first = consume(consumer, run.records, run.drainOptions);
const start = process.hrtime.bigint();
const timed = consume(consumer, 2 * run.records - first, run.drainOptions);
const nanoseconds = Number(process.hrtime.bigint() - start);
ring.seal();
let left = 0;
while (!consumer.ended) left += consumer.drainSync(read);
const { full } = ring.stats();
ring.close();

const total = first + timed + left;
checkRead(total);
console.log(JSON.stringify({ nsPerRecord: nanoseconds / timed, read: total, full }));
