// Holds roles of a ring until it is ended: the first is the consumer's when asked for, the last
// producer keeps a claim open, as one whom somebody looks for does.
import { Ring } from '../dist/index.js';

const { name, roles, consumer } = JSON.parse(process.argv[2]);
const ring = Ring.open(name);
const held = Array.from({ length: roles }, (_, i) =>
  consumer && i === 0 ? ring.consumer({ label: 'reader' }) : ring.producer({ label: `writer ${i}` }),
);
const claiming = held.at(-1);
claiming.tryWrite('a record');
claiming.tryClaim(64);
console.log('held');
// What is used here later is not collected, which would give it back.
process.stdin.resume().on('end', () => {
  for (const role of held) role.close();
});
