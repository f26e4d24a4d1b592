// A reader dies in its handler; a standby takes over, and what was not released comes again.
import assert from 'node:assert/strict';
import { createRing, done, start } from './parts/support.mjs';

const ring = createRing();
const producer = ring.producer();

for (const form of ['consumerWhenFree', 'consumerWhenFreeSync']) {
  const records = Array.from({ length: 20 }, (_, i) => `${form} ${i}`);
  assert.equal(producer.tryWriteBatch(records), records.length);
  const reader = start('actor', { name: ring.name });
  for (const act of ['open', 'consumer']) {
    reader.send({ act });
    await reader.message('begins');
    assert.equal((await reader.message('did')).code, undefined);
  }
  assert.equal(producer.consumerAlive(), true);
  assert.throws(() => ring.consumer(), { code: 'ERR_SHMRING_BUSY' });
  assert.equal(await ring[form]({ timeoutMs: 30 }), undefined);

  const standby = form === 'consumerWhenFree' ? ring.consumerWhenFree() : undefined;
  reader.send({ act: 'drain', dieAt: 7 });
  // Only then may this thread block: a runtime may send in its event loop.
  await reader.message('begins');
  const successor = standby === undefined ? ring.consumerWhenFreeSync() : await standby;
  assert.equal((await reader.exited).signal, 'SIGKILL');
  const seen = [];
  successor.drain((memory, start, end) => {
    seen.push(memory.toString('utf8', start, end));
  });
  assert.deepEqual(seen, records);
  successor.close();
  assert.equal(producer.consumerAlive(), false);
}
await done();
