// The consuming side of one JavaScript run, and its clock: from the end of the warm-up to the last
// record, without a pause between, so that both sides run when it starts.
import { Ring } from '../dist/index.js';
import { checkRead, consume } from './lib/reader.mjs';

const run = JSON.parse(process.argv[2]);
const ring = Ring.openOrCreate(run.name, run.ring);
const consumer = ring.consumer({ endWhen: 'no-producers' });

const first = consume(consumer, run.records, run.drainOptions);
const start = process.hrtime.bigint();
const timed = consume(consumer, 2 * run.records - first, run.drainOptions);
const nanoseconds = Number(process.hrtime.bigint() - start);
ring.close();

checkRead(first + timed);
console.log(JSON.stringify({ nsPerRecord: nanoseconds / timed }));
