// A handle that was dropped without closing is closed when it is collected; one in use is not.
import assert from 'node:assert/strict';
import { createRing, done, start } from './parts/support.mjs';

for (const what of ['producer', 'claim', 'consumer', 'ring', 'temporary']) {
  const ring = createRing();
  const child = start('collected', { name: ring.name, what });
  assert.equal((await child.message('collected')).gone, true, what);
  await child.finished();
  assert.deepEqual(ring.owners(), [], what);
  if (what === 'claim') assert.equal(ring.stats().aborted, 1);
}
const child = start('collected', { name: createRing().name, what: 'ringInUse' });
const { written, named } = await child.message('kept');
assert.deepEqual([written, named], [true, true]);
await child.finished();
await done();
