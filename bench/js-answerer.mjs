// The other side of a conversation: answers each record by one with the same number, from inside the
// handler that reads it.
import { Ring } from '../dist/index.js';
import { Party } from './lib/latency/party.mjs';

const run = JSON.parse(process.argv[2]);
const there = Ring.openOrCreate(run.there, run.ring);
const back = Ring.openOrCreate(run.back, run.ring);
const party = new Party(back.producer(), there.consumer({ endWhen: 'no-producers' }), run.size);

party.answer(2 * run.trips);
there.close();
back.close();
console.log('{}');
