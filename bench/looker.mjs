// Times `owners()` and `stats()` of a ring that others hold, each call by itself, in microseconds.
import { Ring } from '../dist/index.js';

const { name, calls } = JSON.parse(process.argv[2]);
const ring = Ring.open(name);

function time(call) {
  return Array.from({ length: calls }, () => {
    const start = process.hrtime.bigint();
    call();
    return Number(process.hrtime.bigint() - start) / 1000;
  });
}

// As many again first, so that it is compiled code that is timed.
const timed = (call) => time(call) && time(call);
const owners = timed(() => ring.owners());
const stats = timed(() => ring.stats());
console.log(JSON.stringify({ alive: ring.owners().filter((owner) => owner.alive).length, owners, stats }));
