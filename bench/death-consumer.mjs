// Waits for records, blocking or in the event loop, and says of each its number and when it saw it.
import { Ring } from '../dist/index.js';

const { name, waits } = JSON.parse(process.argv[2]);
/** So that a consumer whose parent was killed ends too. */
const LOOK_AROUND = { timeoutMs: 1000 };
const parent = process.ppid;

const ring = Ring.open(name);
const consumer = ring.consumer();
console.log('ready');

function report(memory, start) {
  const now = process.hrtime.bigint();
  console.log(`${memory.readUInt32LE(start)} ${now}`);
}

while (!consumer.ended && process.ppid === parent) {
  if (waits === 'drainSync') {
    consumer.drainSync(report, LOOK_AROUND);
  } else {
    await consumer.wait(LOOK_AROUND);
    consumer.drain(report);
  }
}
ring.close();
