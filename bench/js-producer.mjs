// The producing side of one JavaScript run: plain calls in a hot loop, tried again while the ring
// is full. What to do comes as JSON in the first argument, see lib/pair.mjs.
import { placeThread, Ring } from '../dist/index.js';
import { FILLING } from './lib/reader.mjs';

const run = JSON.parse(process.argv[2]);
placeThread(run.place?.producer);
// A refusal takes some tens of nanoseconds: so many in a row mean that the consumer is gone.
const GIVE_UP = 500_000_000;
let refusals = 0;

function refused(inARow) {
  refusals++;
  if (inARow > GIVE_UP) throw new Error('nobody makes room');
}

function produce(producer, record, records) {
  for (let i = 0; i < records; i++) {
    let inARow = 0;
    while (!producer.tryWrite(record)) refused(++inARow);
  }
}

function produceBatches(producer, batch, records) {
  for (let left = records; left > 0; ) {
    let inARow = 0;
    // What did not fit is tried again by itself, as a program would do it.
    let rest = left < batch.length ? batch.slice(0, left) : batch;
    while (rest.length > 0) {
      const written = producer.tryWriteBatch(rest);
      left -= written;
      if (written === rest.length) break;
      if (written > 0) rest = rest.slice(written);
      else refused(++inARow);
    }
  }
}

const ring = Ring.openOrCreate(run.name, run.ring);
// Looked at when a producer attaches.
if (run.hotPath === false) process.env.SHMRING_HOT_PATH = 'off';
const producer = ring.producer();
const record = () => Buffer.alloc(run.size, FILLING);
// As many again first, as a call of its own, so that the timed one starts in compiled code.
for (let pass = 0; pass < 2; pass++) {
  refusals = 0;
  if (run.batch === 1) produce(producer, record(), run.records);
  else produceBatches(producer, Array.from({ length: run.batch }, record), run.records);
}
ring.close();
console.log(JSON.stringify({ refusals }));
