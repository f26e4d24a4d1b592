// After close the memory has length 0, whoever kept a view of it; and every call says CLOSED.
import assert from 'node:assert/strict';
import { createEnds, createRing } from './parts/support.mjs';

const closed = { code: 'ERR_SHMRING_CLOSED' };

{
  const { ring, producer, consumer } = createEnds();
  const { memory } = producer;
  assert.equal(memory.length, 4096);
  assert.ok(Buffer.isBuffer(memory));
  assert.equal(producer.memory, memory);
  const view = new DataView(memory.buffer, memory.byteOffset);
  producer.tryWrite('x');
  let kept;
  consumer.drain((bytes) => {
    kept = bytes;
    consumer.close();
    assert.equal(bytes.length, 4096);
  });
  assert.equal(kept.length, 0);
  producer.tryClaim(100);
  producer.close();
  assert.deepEqual([memory.length, memory.buffer.byteLength], [0, 0]);
  assert.throws(() => view.getInt8(0), TypeError);
  assert.throws(() => producer.tryWrite('x'), closed);
  assert.throws(() => producer.tryClaim(8), closed);
  assert.throws(() => consumer.tryRead(), closed);
  assert.equal(ring.stats().aborted, 1);
  producer.close();
  ring.close();
  ring.close();
}

// A batch keeps its memory until it ends.
{
  const { ring, producer, consumer } = createEnds();
  producer.tryWrite('kept');
  const batch = consumer.peek();
  ring.close();
  assert.equal(batch.memory.toString('utf8', ...batch.ranges), 'kept');
  batch[Symbol.dispose]();
  assert.equal(batch.memory.length, 0);
}

// Memory that was given away: refused, copied or moved, but never a way into a ring that is closed.
{
  const { producer, consumer } = createEnds();
  producer.tryWrite('secret');
  let moved;
  try {
    moved = structuredClone(producer.memory.buffer, { transfer: [producer.memory.buffer] });
  } catch (error) {
    assert.equal(error.name, 'DataCloneError');
  }
  const wasMoved = moved !== undefined && producer.memory.length === 0;
  assert.equal(String(consumer.tryRead()), 'secret');
  producer.close();
  const bytes = new Uint8Array(moved ?? 0);
  if (wasMoved) assert.ok(bytes.every((byte) => byte === 0));
  bytes.fill(0xff);
  consumer.drain(() => assert.fail('there is no record'));
}

// A handler that throws, one that reads inside, one that stops.
{
  const { producer, consumer } = createEnds();
  producer.tryWriteBatch(['1', '2', '3']);
  let calls = 0;
  const throwing = () => {
    if (++calls === 2) throw new Error('of the handler');
  };
  assert.throws(() => consumer.drain(throwing), /of the handler/);
  const nested = () => assert.throws(() => consumer.tryRead(), { code: 'ERR_SHMRING_REENTRANT' });
  assert.equal(
    consumer.drain(() => Boolean(nested())),
    1,
  );
  assert.equal(consumer.drain(nested), 1);
}

// Attached and detached a thousand times.
const ring = createRing();
for (let i = 0; i < 1000; i++) {
  const producer = ring.producer();
  if (i % 10 === 0) assert.equal(producer.tryWrite('x'), true);
  producer.close();
}
assert.equal(ring.stats().written, 100);
