import { describe, expect, test } from 'vitest';
import { Actor, actorAt } from '../helpers/actor.js';
import { createEnds, createRing, fillUp } from '../helpers/rings.js';
import { isPending } from '../helpers/time.js';

/** Beyond what timers, 32 and 64 bits of milliseconds or nanoseconds can hold. */
const LONG = [2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, 2 ** 53, 1e300];

describe.each([...LONG, Number.POSITIVE_INFINITY])('a promised wait of %s ms', (timeoutMs) => {
  test('for a record ends with the record', async () => {
    const { producer, consumer } = createEnds();
    const wait = consumer.wait({ timeoutMs });
    expect(await isPending(wait)).toBe(true);
    producer.tryWrite('x');
    expect(await wait).toBe('ready');
  });

  test('for room, to write and for a release end with the release', async () => {
    const { producer, consumer } = createEnds();
    fillUp(producer, 100);
    const waits = [
      producer.waitForRoom(100, { timeoutMs }),
      producer.write('x'.repeat(100), { timeoutMs }),
      producer.flush({ timeoutMs }),
    ];
    expect(await Promise.all(waits.map((wait) => isPending(wait)))).toEqual([true, true, true]);
    // The write takes the first room, and is then to be released too.
    while ((await isPending(Promise.all(waits), 10)) === true) consumer.drain(() => {});
    expect(await Promise.all(waits)).toEqual(['ready', true, true]);
  });

  test('of a standby ends with its take-over', async () => {
    const { ring, consumer } = createEnds();
    const standby = ring.consumerWhenFree({ timeoutMs });
    expect(await isPending(standby)).toBe(true);
    consumer.close();
    expect((await standby)?.closed).toBe(false);
  });
});

describe.each([2 ** 31, 1e300])('a blocking wait of %s ms', (timeoutMs) => {
  const options = { timeoutMs };

  /** Begins a call that must not return before `end`. */
  async function blocks(actor: Actor, act: string, details: object, end: () => void): Promise<object> {
    await actor.begin(act, details);
    const result = actor.result();
    expect(await isPending(result)).toBe(true);
    end();
    return result;
  }

  test('for a record ends with the record', async () => {
    const ring = createRing();
    const producer = ring.producer();
    const actor = await actorAt(ring.name, 'consumer');
    const write = () => producer.tryWrite('x');
    expect(await blocks(actor, 'waitSync', { options }, write)).toMatchObject({ result: 'ready' });
    await actor.do('drain');
    expect(await blocks(actor, 'drainSync', { options }, write)).toMatchObject({ drained: 1 });
  });

  test('for room and to write end with the release', async () => {
    const ring = createRing();
    const actor = await actorAt(ring.name, 'producer');
    const consumer = ring.consumer();
    await actor.do('fill', { byteLength: 100 });
    const read = () => consumer.drain(() => {});
    const room = { byteLength: 100, options };
    expect(await blocks(actor, 'waitForRoomSync', room, read)).toMatchObject({ result: 'ready' });
    await actor.do('fill', { byteLength: 100 });
    const record = 'x'.repeat(100);
    expect(await blocks(actor, 'writeSync', { record, options }, read)).toMatchObject({ written: true });
  });

  test('of a standby ends with its take-over', async () => {
    const { ring, consumer } = createEnds();
    const actor = await actorAt(ring.name);
    const close = () => consumer.close();
    expect(await blocks(actor, 'standbySync', { options }, close)).toMatchObject({ attached: true });
  });
});

describe('a long lag or spin', () => {
  test('does not sleep through the end of the stream', async () => {
    const { ring, producer, consumer } = createEnds();
    consumer.close();
    const actor = await actorAt(ring.name, 'consumer');
    const options = { lagMicros: 1e12, spinMicros: 1e12 };
    producer.tryWriteBatch(['a', 'b', 'c']);
    expect(await actor.do('drainSync', { options })).toMatchObject({ drained: 3 });
    // After more than one record it lingers, for the rest of the stream to gather.
    producer.tryWrite('d');
    expect(await actor.do('drainSync', { options })).toMatchObject({ drained: 1 });
    producer.tryWriteBatch(['e', 'f']);
    expect(await actor.do('drainSync', { options })).toMatchObject({ drained: 2 });
    await actor.begin('drainSync', { options });
    ring.seal();
    expect(await actor.result()).toMatchObject({ drained: 0, ended: 'sealed' });
  });
});

describe('a process that is interrupted by a profiler every 100 µs', () => {
  test('makes a large ring, waits, writes and reads as any other', async () => {
    const ring = createRing();
    const profiled = new Actor(ring.name, [], ['--cpu-prof', '--cpu-prof-interval=100']);
    await profiled.do('open');
    await profiled.do('producer');
    await profiled.do('consumer', { options: { endWhen: 'no-producers' } });
    const options = { timeoutMs: 300 };
    expect(await profiled.do('waitSync', { options })).toMatchObject({ result: 'timeout' });
    expect(await profiled.do('drainSync', { options })).toMatchObject({ drained: 0 });
    await profiled.do('fill', { byteLength: 100 });
    const record = 'x'.repeat(100);
    expect(await profiled.do('writeSync', { record, options })).toMatchObject({ written: false });
    const { records } = await profiled.do('drain');
    expect(records).toHaveLength(ring.stats().written);
    await profiled.do('closeConsumer');
    const consumer = ring.consumer();
    const wait = consumer.wait();
    expect(await profiled.do('write', { records: [record] })).toMatchObject({ written: 1 });
    expect(await wait).toBe('ready');

    const maker = new Actor(`${ring.name}-large`, [], ['--cpu-prof', '--cpu-prof-interval=100']);
    const large = { kind: 'spsc', capacity: 32 << 20 };
    expect(await maker.do('openOrCreate', { options: large })).toMatchObject({ capacity: 32 << 20 });
  });
});
