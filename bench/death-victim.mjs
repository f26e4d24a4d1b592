// Opens a claim when told to and leaves it open: to be killed inside it.
import { Ring } from '../dist/index.js';

const { name } = JSON.parse(process.argv[2]);
const ring = Ring.open(name);
const producer = ring.producer({ label: 'victim' });
console.log('ready');
process.stdin.on('data', () => {
  if (producer.tryClaim(64) < 0) throw new Error('no room for a claim');
  console.log('claimed');
});
process.stdin.on('end', () => producer.close());
