// Every way to read comes to the stream's end, and says why it ended.
import assert from 'node:assert/strict';
import { createEnds, createRing, done, start } from './parts/support.mjs';

// Sealed: what was written before is read, then all end.
{
  const { ring, producer, consumer } = createEnds();
  producer.tryWriteBatch(['1', '2', '3']);
  ring.seal();
  assert.equal(consumer.ended, false);
  assert.throws(() => producer.writeSync('4'), { code: 'ERR_SHMRING_SEALED' });
  await assert.rejects(producer.write('4'), { code: 'ERR_SHMRING_SEALED' });
  assert.equal(await producer.waitForRoom(1), 'ended');
  const seen = [];
  for await (const record of consumer) seen.push(String(record));
  assert.deepEqual(seen, ['1', '2', '3']);
  for await (const batch of consumer.batches()) assert.fail(`${batch.count} more records`);
  assert.equal(consumer.ended, 'sealed');
  assert.equal(await consumer.wait(), 'ended');
  assert.equal(consumer.waitSync(), 'ended');
  assert.equal(
    consumer.drainSync(() => {}),
    0,
  );
  assert.throws(() => ring.producer(), { code: 'ERR_SHMRING_SEALED' });
}

// The seal reaches those who wait already.
{
  const { ring, consumer } = createEnds();
  const waiting = consumer.wait();
  const next = consumer[Symbol.asyncIterator]().next();
  setTimeout(() => ring.seal(), 20);
  assert.equal(await waiting, 'ended');
  assert.equal((await next).done, true);
}

// The last producer closed, or died.
for (const [end, act] of [
  ['no-producers', 'closeProducer'],
  ['producer-died', 'die'],
]) {
  const ring = createRing();
  const consumer = ring.consumer({ endWhen: 'no-producers' });
  assert.equal(await consumer.wait({ timeoutMs: 20 }), 'timeout');
  const writer = start('actor', { name: ring.name });
  for (const call of [{ act: 'open' }, { act: 'producer' }, { act: 'write', records: ['x'] }]) {
    writer.send(call);
    assert.equal((await writer.message('did')).code, undefined);
  }
  writer.send({ act });
  assert.equal(await consumer.wait(), 'ready');
  assert.equal(String(consumer.tryRead()), 'x');
  assert.equal(await consumer.wait(), 'ended');
  assert.equal(consumer.ended, end);
}
await done();
