// One side of a conversation: writes a record, waits for the answer without sleeping, and times each
// round trip by itself. What to do comes as JSON in the first argument, see lib/latency/measure.mjs.
import { Ring } from '../dist/index.js';
import { Party } from './lib/latency/party.mjs';
import { clockCost, percentiles } from './lib/latency/times.mjs';

const run = JSON.parse(process.argv[2]);
const there = Ring.openOrCreate(run.there, run.ring);
const back = Ring.openOrCreate(run.back, run.ring);
const party = new Party(there.producer(), back.consumer(), run.size);

const now = process.hrtime.bigint;

function ask(times) {
  times[0] = now();
  for (let number = 1; number < times.length; number++) {
    party.write(number);
    if (party.read() !== number) throw new Error('the answer to another question');
    times[number] = now();
  }
}

// As many again first, as a call of its own, so that the timed one starts in compiled code.
const times = new BigInt64Array(run.trips + 1);
for (let pass = 0; pass < 2; pass++) ask(times);
there.close();
back.close();

const trips = times.subarray(1).map((time, i) => time - times[i]);
console.log(JSON.stringify({ clock: clockCost(), trip: percentiles(trips) }));
