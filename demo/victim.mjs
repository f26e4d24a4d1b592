// Sends numbered records until it is killed, or until it has sent number `until` - 1.
//
//   node victim.mjs RING FROM UNTIL FILE
//
// After every acknowledged record it notes their number in FILE, with one write that survives it: so
// whoever kills it knows what was acknowledged, short of at most the record that it was busy with.
import { closeSync, openSync, writeSync } from 'node:fs';
import { Ring } from 'shmring';
import { LARGEST, makeRecord } from './tally.mjs';

const [name = '', from, until, file = ''] = process.argv.slice(2);
process.on('SIGINT', () => {});

const note = openSync(file, 'r+');
const noted = Buffer.alloc(4);
const scratch = Buffer.alloc(LARGEST);
const ring = Ring.open(name);
const producer = ring.producer({ label: 'demo victim' });

for (let number = Number(from); number < Number(until); number += 1) {
  producer.writeSync(makeRecord(scratch, number), { requireConsumer: true });
  noted.writeUInt32LE(number + 1, 0);
  writeSync(note, noted, 0, 4, 0);
}
closeSync(note);
ring.close();
process.disconnect?.();
