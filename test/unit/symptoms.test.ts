// Faults that were found and mended, each named after what a user saw of it.
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, Producer } from 'shmring';
import { expect, test } from 'vitest';
import { actorAt } from '../helpers/actor.js';
import { CONSUMER_SLOT, DATA, HEAD, overwrite, recordHeader } from '../helpers/damage.js';
import { codeOf, codeOfRejection, rejection } from '../helpers/errors.js';
import { createEnds, createRing, fillUp } from '../helpers/rings.js';
import { isPending, within } from '../helpers/time.js';

test('a head that another process damaged during inspect() crashes nobody', () => {
  const { ring, producer } = createEnds();
  fillUp(producer);
  for (const head of [4092n, 4095n, 1n, 2n ** 63n, 2n ** 64n - 4n]) {
    const seen = ring.inspect();
    expect(seen.next().done).toBe(false);
    overwrite(ring.name, HEAD, head);
    for (const { state } of seen) expect(['committed', 'padding', 'damaged']).toContain(state);
    overwrite(ring.name, HEAD, 0n);
  }
});

test('an array with a kind of its own cannot run code inside a batch', () => {
  const { producer, consumer } = createEnds({ capacity: 1 << 20 });
  class Trap extends Array<string> {
    static override get [Symbol.species](): ArrayConstructor {
      throw new Error('asked for its kind');
    }
  }
  const records = new Trap(5000).fill('x');
  expect(producer.tryWriteBatch(records)).toBe(5000);
  expect(consumer.drain(() => {})).toBe(5000);
});

test('batches of at most no record are INVALID_ARGUMENT and do not loop for ever', async () => {
  const { producer, consumer } = createEnds();
  producer.tryWrite('x');
  const first = consumer.batches({ limit: 0 })[Symbol.asyncIterator]().next();
  expect(await codeOfRejection(first)).toBe('INVALID_ARGUMENT');
});

test('a loop that awaits writes which find room, or waits which find a record, lets timers through', async () => {
  const { producer, consumer } = createEnds({ capacity: 1 << 20 });
  let fired = false;
  const timer = () => setTimeout(() => (fired = true), 1);
  timer();
  // Far more than a millisecond of work; without turns the timer could fire only behind the loop.
  for (let i = 0; i < 1e6 && !fired; i += 1) {
    await producer.write('tick');
    consumer.drain(() => {});
  }
  expect(fired).toBe(true);
  fired = false;
  timer();
  producer.tryWrite('left alone');
  for (let i = 0; i < 1e6 && !fired; i += 1) expect(await consumer.wait()).toBe('ready');
  expect(fired).toBe(true);
});

test('flush ends although other writes are always pending', async () => {
  const { producer, consumer } = createEnds();
  let more = true;
  const write = async (to: Producer) => {
    while (more) await to.write(Buffer.alloc(500));
  };
  const writers = Array.from({ length: 20 }, () => write(producer));
  const reader = (async () => {
    while (more) {
      consumer.tryRead();
      await sleep(1);
    }
  })();
  expect(await producer.flush({ timeoutMs: 20_000 })).toBe(true);
  more = false;
  const drained = setInterval(() => consumer.drain(() => {}), 1);
  await Promise.all([...writers, reader]);
  clearInterval(drained);
});

test('flush ends when padding that was published alone is all that is not released', async () => {
  const { producer, consumer } = createEnds();
  expect(producer.tryWrite(Buffer.alloc(3000))).toBe(true);
  expect(producer.tryWrite(Buffer.alloc(3000))).toBe(false);
  expect(consumer.tryRead()?.length).toBe(3000);
  expect(await producer.flush({ timeoutMs: 20_000 })).toBe(true);
});

test('a consumer that may look busily for an hour notices that the ring is sealed', () => {
  const { ring, consumer } = createEnds();
  ring.seal();
  expect(consumer.drainSync(() => {}, { spinMicros: 3.6e9 })).toBe(0);
  expect(consumer.ended).toBe('sealed');
});

test('a producer that found damage leaves its slot to another', () => {
  const { ring, producer } = createEnds();
  fillUp(producer);
  overwrite(ring.name, HEAD, 4n);
  expect(codeOf(() => producer.tryWrite('x'))).toBe('CORRUPT');
  overwrite(ring.name, HEAD, 0n);
  expect(ring.producer().closed).toBe(false);
});

test("a producer that is told of damage in the consumer's slot keeps its own", () => {
  const { ring, producer } = createEnds();
  overwrite(ring.name, CONSUMER_SLOT, 7n);
  expect(codeOf(() => producer.consumerAlive())).toBe('CORRUPT');
  expect(codeOf(() => ring.producer())).toBe('BUSY');
  expect(producer.tryWrite('x')).toBe(true);
});

test('inspect() does not take for padding what the consumer calls damaged', () => {
  const { ring, producer, consumer } = createEnds();
  producer.tryWrite('x'.repeat(56));
  const word = recordHeader(0n, 56n);
  expect([...ring.inspect()]).toMatchObject([{ state: 'committed', byteLength: 56 }]);
  for (const byteLength of [0n, 24n, 56n]) {
    overwrite(ring.name, DATA, recordHeader(0n, byteLength, true));
    expect([...ring.inspect()]).toMatchObject([{ state: 'damaged', position: 0 }]);
  }
  overwrite(ring.name, DATA, word);
  expect(consumer.tryRead()?.length).toBe(56);
});

test('a write that waits counts as one refusal, however often it looks', async () => {
  const { ring, producer, consumer } = createEnds();
  fillUp(producer);
  const before = ring.stats().full;
  const pending = producer.write(Buffer.alloc(500));
  await sleep(100);
  consumer.drain(() => {});
  expect(await pending).toBe(true);
  expect(ring.stats().full).toBe(before + 1);
});

test('the eleventh wait with one AbortSignal is not warned of as a leak of listeners', async () => {
  const { ring, producer, consumer } = createEnds();
  fillUp(producer);
  const idle = createEnds();
  const { signal } = new AbortController();
  const warnings: Error[] = [];
  const onWarning = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', onWarning);
  const limits = { signal, timeoutMs: 100 };
  const waits = Array.from({ length: 12 }, () => [
    producer.write('x', limits),
    producer.waitForRoom(8, limits),
    producer.flush(limits),
    idle.consumer.wait(limits),
    ring.consumerWhenFree(limits),
  ]).flat();
  expect(await isPending(Promise.any(waits), 20)).toBe(true);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  await Promise.all(waits);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  await new Promise(setImmediate);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
  expect(consumer.closed).toBe(false);
});

test('an abort while others begin to wait with the signal ends all that waited, and no other', async () => {
  const { producer, consumer } = createEnds();
  const aborter = new AbortController();
  const { signal } = aborter;
  const waits = Array.from({ length: 3 }, () => rejection(consumer.wait({ signal })));
  const late: Promise<unknown>[] = [];
  signal.addEventListener('abort', () => late.push(rejection(consumer.wait({ signal }))));
  aborter.abort();
  const errors = await Promise.all([...waits, ...late]);
  expect(errors.map((error) => (error as Error).name)).toEqual(Array(4).fill('AbortError'));
  producer.tryWrite('x');
  expect(await consumer.wait({ signal: new AbortController().signal })).toBe('ready');
});

/** An empty `spsc` ring of 4096 bytes that stands where 3000 bytes more do not fit before its end. */
function emptyInTheMiddle(producer: Producer, consumer: Consumer): void {
  expect(producer.tryWrite(Buffer.alloc(2000))).toBe(true);
  expect(consumer.tryRead()?.length).toBe(2000);
}

test('tryWrite of more than half the capacity says full of an empty spsc ring until the reader looks', async () => {
  const { ring, producer, consumer } = createEnds();
  const record = Buffer.alloc(3000, 7);
  const ways: [string, () => unknown][] = [
    ['drain', () => consumer.drain(() => expect.unreachable('there is no record'))],
    ['tryRead', () => consumer.tryRead()],
    ['peek', () => consumer.peek()],
    ['wait', () => consumer.wait({ timeoutMs: 0 })],
  ];
  for (const [way, look] of ways) {
    emptyInTheMiddle(producer, consumer);
    expect(ring.stats().recordsWaiting).toBe(0);
    expect(producer.tryWrite(record), way).toBe(false);
    expect(producer.waitForRoomSync(3000, { timeoutMs: 0 }), way).toBe('timeout');
    const waiting = producer.waitForRoom(3000);
    await look();
    expect(await within(waiting, way)).toBe('ready');
    expect(producer.tryWrite(record), way).toBe(true);
    expect(consumer.tryRead()?.equals(record), way).toBe(true);
    // Back to where it began.
    while ((8 * consumer.position) % 4096 !== 0) {
      producer.tryWrite(Buffer.alloc(4096 - ((8 * consumer.position) % 4096) - 8));
      consumer.tryRead();
    }
  }
  emptyInTheMiddle(producer, consumer);
  const writing = producer.write(record);
  expect(await isPending(writing)).toBe(true);
  consumer.drain(() => {});
  expect(await within(writing, 'the write')).toBe(true);
});

test('writeSync of more than half the capacity to an empty spsc ring needs a living reader that looks', async () => {
  const ring = createRing();
  const producer = ring.producer();
  const first = ring.consumer();
  emptyInTheMiddle(producer, first);
  first.close();
  const record = Buffer.alloc(3000);
  expect(codeOf(() => producer.writeSync(record, { requireConsumer: true }))).toBe('NO_CONSUMER');
  expect(producer.writeSync(record, { timeoutMs: 20 })).toBe(false);
  const reader = await actorAt(ring.name, 'consumer');
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i += 1) {
    await reader.begin('drainSync', { options: { timeoutMs: 20_000 } });
    expect(producer.writeSync(record, { timeoutMs: 20_000, requireConsumer: true })).toBe(true);
    seen.push(await reader.result());
  }
  expect(seen).toMatchObject([{ drained: 1 }, { drained: 1 }, { drained: 1 }]);
});
