// From the death of a producer inside a claim until a waiting consumer has the record behind it.
import { setTimeout as sleep } from 'node:timers/promises';
import { forgetRing, ringName } from './children.mjs';
import { startNode } from './node.mjs';

// Milliseconds that the consumer has waited at the claim before its owner is killed: time enough to
// come to the longest of its pauses, and differing, so that every moment of a pause is met.
const WAITED = 80;
const DIFFERENCE = 40;
/** Between two looks whether the killed one's lock has fallen: looking all the time would take it a CPU. */
const PAUSE = 0.2;
const GIVE_UP = 30_000;

const nobody = new Int32Array(new SharedArrayBuffer(4));

// One clock for all processes of a machine.
const now = () => process.hrtime.bigint();
const milliseconds = (from, to) => Number(to - from) / 1e6;

async function startVictim(name) {
  const victim = startNode('death-victim.mjs', { name });
  await victim.line();
  return victim;
}

/** Kills `pid`; when, and when its lock was last seen held. */
function kill(ring, pid) {
  const killed = now();
  process.kill(pid, 'SIGKILL');
  let [held, look] = [killed, killed];
  while (ring.owners().some((owner) => owner.pid === pid && owner.alive)) {
    held = look;
    Atomics.wait(nobody, 0, 0, PAUSE);
    look = now();
    if (milliseconds(killed, look) > GIVE_UP) throw new Error(`process ${pid} does not end`);
  }
  return { killed, held };
}

/**
 * Kills `kills` producers, one after the other, each with a claim open and another's record behind
 * it, while a consumer waits by `waits`: 'drainSync' or 'wait'. Of each kill the milliseconds until
 * the consumer had that record: since the call of kill, and since the dead one's lock was last seen
 * held. The kernel takes its time in between: the lock falls when the memory has been given back.
 */
export async function measureDeaths(kills, waits, capacity) {
  const { Ring } = await import('../../dist/index.js');
  const name = ringName();
  const ring = Ring.create(name, { kind: 'mpsc', capacity });
  const bystander = ring.producer({ label: 'bystander' });
  const consumer = startNode('death-consumer.mjs', { name, waits });
  let [victim, next] = [];
  try {
    await consumer.line();
    victim = await startVictim(name);
    const samples = [];
    for (let number = 1; number <= kills; number++) {
      victim.send('claim');
      await victim.line();
      const record = Buffer.alloc(64);
      record.writeUInt32LE(number);
      if (!bystander.tryWrite(record)) throw new Error('the ring is full');
      // Starts meanwhile: what that costs is over before the kill.
      next = number < kills ? await startVictim(name) : undefined;
      await sleep(WAITED + DIFFERENCE * Math.random());
      const { killed, held } = kill(ring, victim.pid);
      const [seen, at] = (await consumer.line()).split(' ');
      if (Number(seen) !== number) throw new Error(`record ${seen} came instead of ${number}`);
      samples.push({
        sinceKill: milliseconds(killed, BigInt(at)),
        sinceHeld: milliseconds(held, BigInt(at)),
      });
      victim = next;
    }
    const { abandoned } = ring.stats();
    if (abandoned !== kills) throw new Error(`${kills} producers died, ${abandoned} records were abandoned`);
    return samples;
  } finally {
    for (const child of [consumer, victim, next]) child?.end();
    ring.close();
    forgetRing(name);
  }
}
