// Waits by promise: in order, abortable, bounded, and the event loop goes on meanwhile.
import assert from 'node:assert/strict';
import { createEnds, createRing, done, sleep, start } from './parts/support.mjs';

const aborted = { name: 'AbortError', code: 'ABORT_ERR' };

{
  const { producer, consumer } = createEnds();
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 1);
  assert.equal(await consumer.wait({ timeoutMs: 60 }), 'timeout');
  assert.ok(ticks > 2, 'timers had no turn');
  clearInterval(ticking);

  // For as long as records are found at once, too.
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  const began = performance.now();
  while (!turned && performance.now() - began < 30_000) {
    await producer.write('x');
    await consumer.wait();
    consumer.tryRead();
  }
  assert.ok(turned, 'the event loop had no turn');
}

// Writes that wait: first come, first served; one is aborted, one times out.
{
  const { producer, consumer } = createEnds();
  while (producer.tryWrite('y'.repeat(500)));
  const aborter = new AbortController();
  const writes = [
    producer.write('first'),
    producer.write('aborted', { signal: aborter.signal }),
    producer.write('late', { timeoutMs: 10 }),
    producer.write('second'),
  ];
  const settled = Promise.allSettled(writes);
  assert.equal(producer.tryWrite('overtakes'), false);
  await sleep(40);
  aborter.abort('enough');
  consumer.drain(() => {}, 3);
  const [first, second, third, fourth] = await settled;
  assert.deepEqual(
    [first, third, fourth].map(({ value }) => value),
    [true, false, true],
  );
  assert.equal(second.reason.name, aborted.name);
  assert.equal(second.reason.cause, 'enough');
  const flushed = producer.flush();
  const rest = [];
  consumer.drain((memory, start, end) => {
    if (end - start < 500) rest.push(memory.toString('utf8', start, end));
  });
  assert.deepEqual(rest, ['first', 'second']);
  assert.equal(await flushed, true);
}

// Aborted before and during.
{
  const { ring, producer, consumer } = createEnds();
  await assert.rejects(consumer.wait({ signal: AbortSignal.abort() }), aborted);
  await assert.rejects(producer.write('x', { signal: AbortSignal.abort() }), aborted);
  await assert.rejects(consumer.wait({ signal: AbortSignal.timeout(20) }), aborted);
  await assert.rejects(ring.consumerWhenFree({ signal: AbortSignal.timeout(20) }), aborted);
  const closed = consumer.wait();
  setTimeout(() => consumer.close(), 10);
  await assert.rejects(closed, { code: 'ERR_SHMRING_CLOSED' });
}

// A pending wait keeps the process alive, unless it is told not to; nothing else does.
const things = [
  ['handles', undefined],
  ['used', undefined],
  ['iterated', undefined],
  ['waitUnref', undefined],
  ['unrefDuringWait', undefined],
  ['wait', 'ready'],
  ['waitUnrefRef', 'ready'],
  ['longTimeoutThenReady', 'ready'],
  ['longTimeoutThenAbort', 'AbortError'],
];
await Promise.all(
  things.map(async ([what, result]) => {
    const child = start('idle', { name: createRing().name, what });
    await child.message('exit');
    await child.finished();
    const settled = await child.message('settled').catch(() => undefined);
    assert.equal(settled?.result, result, what);
  }),
);
await done();
