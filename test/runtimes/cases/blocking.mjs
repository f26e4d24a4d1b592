// Two processes keep each other waiting: the writer for room, the reader for records.
import assert from 'node:assert/strict';
import { Checker, NO_FAULTS } from '../../helpers/checker.mjs';
import { fillRecord, lengthOf } from '../../helpers/record.mjs';
import { createRing, done, sleep, start, until } from './parts/support.mjs';

const COUNT = 5000;

// This process reads slowly at first: the writer fills the ring and sleeps.
{
  const ring = createRing();
  const writer = start('producer', { name: ring.name, count: COUNT, longest: 600, mode: 'sync', seal: true });
  await writer.message('attached');
  await until(() => ring.stats().full > 0, 'the ring is full');
  const consumer = ring.consumer();
  const checker = new Checker();
  const accept = (memory, start, end, position) => checker.accept(memory, start, end, position);
  for (let i = 0; i < 20; i++) {
    consumer.drainSync(accept, { limit: 3 });
    await sleep(1);
  }
  while (!consumer.ended) consumer.drainSync(accept);
  assert.equal(consumer.ended, 'sealed');
  checker.finish(1, COUNT);
  assert.deepEqual(checker.verdict(), NO_FAULTS);
  await writer.finished();
}

// This process writes slowly at first: the reader sleeps; then too fast, and waits itself.
for (const mode of ['drainSync', 'peek', 'iterate']) {
  const ring = createRing();
  const producer = ring.producer();
  const reader = start('consumer', { name: ring.name, mode, producers: [1] });
  await reader.message('attached');
  const scratch = Buffer.alloc(600);
  let waits = 0;
  for (let sequence = 0; sequence < COUNT; sequence++) {
    const length = lengthOf(1, sequence, scratch.length);
    fillRecord(scratch, 0, 1, sequence, length);
    if (sequence < 10) await sleep(10);
    if (!producer.tryWrite(scratch.subarray(0, length))) {
      waits += 1;
      if (sequence % 2 === 0) assert.equal(producer.waitForRoomSync(length), 'ready');
      assert.equal(producer.writeSync(scratch.subarray(0, length), { requireConsumer: true }), true);
    }
  }
  ring.seal();
  const { verdict, next, ended } = await reader.message('done');
  assert.deepEqual(verdict, NO_FAULTS);
  assert.deepEqual([next, ended], [[COUNT], 'sealed']);
  assert.ok(waits > 0, 'the ring was never full');
  await reader.finished();
}

// Waits end by their time-outs.
{
  const ring = createRing();
  const [producer, consumer] = [ring.producer(), ring.consumer()];
  assert.equal(consumer.waitSync({ timeoutMs: 20 }), 'timeout');
  assert.equal(
    consumer.drainSync(() => {}, { timeoutMs: 20 }),
    0,
  );
  while (producer.tryWrite('x'.repeat(500)));
  assert.equal(producer.writeSync('x'.repeat(500), { timeoutMs: 20 }), false);
  assert.equal(producer.waitForRoomSync(500, { timeoutMs: 20 }), 'timeout');
}
await done();
