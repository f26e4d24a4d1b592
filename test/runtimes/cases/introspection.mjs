// Counters, owners, lists and a look inside; what the dead held is freed.
import assert from 'node:assert/strict';
import { Ring } from 'shmring';
import { createRing, done, start } from './parts/support.mjs';

const ring = createRing();
const producer = ring.producer({ label: 'writes' });
const consumer = ring.consumer({ label: 'reads' });
producer.tryWriteBatch(['one', 'two', 'three']);
consumer.tryRead();
const at = producer.tryClaim(10);
assert.ok(at > 0);
const [reads, writes] = ring.owners();
assert.deepEqual([reads.role, reads.label, reads.pid, reads.alive], ['consumer', 'reads', process.pid, true]);
assert.deepEqual([writes.role, writes.label, writes.holds?.byteLength], ['producer', 'writes', 10]);
producer.abort();
while (producer.tryWrite('x'.repeat(900)));
const { bytesWaiting, recordsWaiting, ...stats } = ring.stats();
assert.ok(bytesWaiting > 3000 && recordsWaiting > 4);
assert.deepEqual(stats, {
  written: recordsWaiting + 1,
  read: 1,
  abandoned: 0,
  aborted: 1,
  full: 1,
  producers: 1,
  consumers: 1,
});

const tool = Ring.open(ring.name, { access: 'inspect' });
const seen = [...tool.inspect()].filter(({ state }) => state === 'committed');
assert.equal(seen.length, recordsWaiting);
assert.deepEqual(String(seen[0].bytes), 'two');
assert.equal(seen[0].position, consumer.position);
assert.deepEqual(tool.stats(), ring.stats());
assert.throws(() => tool.producer(), { name: 'RingError' });
tool.close();

const info = Ring.list().find(({ name }) => name === ring.name);
assert.deepEqual([info?.kind, info?.capacity, info?.alive, info?.dead], ['spsc', 4096, 2, 0]);

// The dead: seen, counted, freed.
producer.close();
const victim = start('producer', { name: ring.name });
await victim.message('attached');
await victim.murder();
assert.deepEqual(
  ring.owners().map(({ pid, alive }) => [pid, alive]),
  [
    [process.pid, true],
    [victim.pid, false],
  ],
);
assert.equal(Ring.list().find(({ name }) => name === ring.name)?.dead, 1);
assert.deepEqual(ring.recover(), { slotsFreed: 1, recordsAbandoned: 0, bytesAbandoned: 0 });
assert.equal(ring.recover().slotsFreed, 0);
assert.equal(ring.unlink(), true);
assert.equal(ring.stale, true);
await done();
