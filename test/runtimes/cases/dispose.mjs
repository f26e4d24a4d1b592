// Everything that is open can be disposed of, by hand and by `using` where the language has it.
import assert from 'node:assert/strict';
import { createEnds, createRing } from './parts/support.mjs';

for (const dispose of ['dispose', 'asyncDispose']) assert.equal(typeof Symbol[dispose], 'symbol');

const { ring, producer, consumer } = createEnds();
producer.tryWrite('x');
consumer.peek()[Symbol.dispose]();
assert.equal(consumer.peek().count, 1);
const [unread] = ring.owners();
assert.equal(unread.written, 0);
while (producer.tryWrite('y'.repeat(500)));
const pending = producer.write('z'.repeat(500));
const disposed = producer[Symbol.asyncDispose]();
assert.equal(producer.closed, false);
consumer[Symbol.dispose]();
const reader = ring.consumer();
setTimeout(() => reader.drain(() => {}), 10);
await disposed;
assert.equal(await pending, true);
assert.equal(producer.closed, true);
ring[Symbol.dispose]();
assert.deepEqual([ring.closed, reader.closed], [true, true]);

/** Node 20 and 22 have the symbols and not yet the syntax. */
const [major] = process.versions.node.split('.').map(Number);
const hasSyntax = 'Bun' in globalThis || 'Deno' in globalThis || major >= 24;
if (hasSyntax) {
  const { useUp } = await import('./parts/using.mjs');
  const used = createRing();
  const handles = await useUp(used);
  for (const handle of handles) assert.equal(handle.closed, true);
  assert.deepEqual(used.owners(), []);
  assert.equal(used.stats().recordsWaiting, 1);
}
