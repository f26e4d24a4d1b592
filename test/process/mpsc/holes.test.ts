import type { Consumer, Producer, Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { type Actor, actorAt } from '../../helpers/actor.js';
import { crowdAt } from '../../helpers/crowd.js';
import { MPSC } from '../../helpers/kinds.js';
import { drainStrings, fillUp } from '../../helpers/rings.js';
import { isPending, PATIENCE_MS, sleep, until, within } from '../../helpers/time.js';

const { createRing, span } = MPSC;
const NOTHING = { slotsFreed: 0, recordsAbandoned: 0, bytesAbandoned: 0 };

/** Another process stands first in line with a claim; behind it lies a record of this one. */
async function blocked(ring = createRing()): Promise<{
  ring: Ring;
  victim: Actor;
  producer: Producer;
}> {
  const victim = await actorAt(ring.name, 'producer');
  expect(await victim.do('claim', { text: 'half writ', byteLength: 100 })).not.toHaveProperty('code');
  const producer = ring.producer({ label: 'behind' });
  expect(producer.tryWrite('behind')).toBe(true);
  return { ring, victim, producer };
}

/** Reads until something comes. */
type Read = (consumer: Consumer) => Promise<string[]>;
const polled =
  (look: (consumer: Consumer) => string[]): Read =>
  async (consumer) => {
    for (;;) {
      const seen = look(consumer);
      if (seen.length > 0) return seen;
      await sleep(1);
    }
  };

const READS: [string, Read][] = [
  ['calls tryRead again and again', polled((consumer) => [consumer.tryRead() ?? []].flat().map(String))],
  ['calls drain again and again', polled((consumer) => drainStrings(consumer))],
  [
    'calls peek again and again',
    polled((consumer) => {
      using batch = consumer.peek();
      const seen = batch === undefined ? [] : [`${batch.memory.subarray(batch.ranges[0], batch.ranges[1])}`];
      batch?.release();
      return seen;
    }),
  ],
  [
    'awaits wait',
    async (consumer) => {
      expect(await consumer.wait()).toBe('ready');
      return drainStrings(consumer);
    },
  ],
  [
    'iterates with for await',
    async (consumer) => {
      for await (const record of consumer) return [record.toString()];
      return [];
    },
  ],
  [
    'awaits batches',
    async (consumer) => {
      for await (const batch of consumer.batches()) {
        const seen = `${batch.memory.subarray(batch.ranges[0], batch.ranges[1])}`;
        batch.release();
        return [seen];
      }
      return [];
    },
  ],
];

describe('a claim whose owner is killed is passed, and what lies behind it delivered, when the consumer', () => {
  test.each(READS)('%s', async (_, read) => {
    const { ring, victim, producer } = await blocked();
    const consumer = ring.consumer();
    const reading = read(consumer);
    expect(await isPending(reading, 100)).toBe(true);
    expect(consumer.blockedBy).toMatchObject({ pid: victim.pid, label: 'actor', alive: true });
    await victim.child.murder();
    expect(await within(reading, 'what lies behind')).toEqual(['behind']);
    expect(consumer.blockedBy).toBeUndefined();
    expect(ring.stats()).toEqual({
      written: 1,
      read: 1,
      recordsWaiting: 0,
      bytesWaiting: 0,
      abandoned: 1,
      aborted: 0,
      full: 0,
      producers: 1,
      consumers: 1,
    });
    // Kept until here: one that is collected closes.
    producer.close();
  });

  test.each([
    ['blocks in waitSync', 'waitSync', { result: 'ready' }],
    ['blocks in drainSync', 'drainSync', { drained: 1 }],
  ])('%s', async (_, call, answer) => {
    const { ring, victim } = await blocked();
    const reader = await actorAt(ring.name, 'consumer');
    await reader.begin(call);
    const result = reader.result();
    expect(await isPending(result, 300)).toBe(true);
    await victim.child.murder();
    expect(await result).toMatchObject(answer);
    await reader.do('drain');
    expect(ring.stats()).toMatchObject({ written: 1, read: 1, abandoned: 1, bytesWaiting: 0 });
  });

  test.each<[string, (consumer: Consumer) => number]>([
    ['tryRead', (consumer) => Array.from({ length: 99 }, () => consumer.tryRead()).filter(Boolean).length],
    ['drain', (consumer) => drainStrings(consumer).length],
    [
      'peek',
      (consumer) => {
        using batch = consumer.peek();
        batch?.release();
        return batch?.count ?? 0;
      },
    ],
    ['drainSync', (consumer) => consumer.drainSync(() => {}, { timeoutMs: 0 })],
    [
      'waitSync and drain',
      (consumer) => {
        expect(consumer.waitSync({ timeoutMs: 0 })).toBe('ready');
        return drainStrings(consumer).length;
      },
    ],
  ])('looks only once, with %s, though several have died one behind the other', async (_, look) => {
    const ring = createRing();
    for (let i = 0; i < 3; i += 1) {
      const victim = await actorAt(ring.name, 'producer');
      await victim.do('claim', { byteLength: 100 });
      await victim.child.murder();
      // The next one does not get its place.
      ring.producer();
    }
    const producer = ring.producer();
    for (let i = 0; i < 10; i += 1) producer.tryWrite('behind');
    expect(ring.stats().recordsWaiting).toBe(10);
    const consumer = ring.consumer();
    expect(look(consumer)).toBe(10);
    expect(ring.stats()).toMatchObject({ read: 10, recordsWaiting: 0, abandoned: 3 });
  });

  test('attaches only afterwards, to a ring that is full behind the claim', async () => {
    const ring = createRing();
    const victim = await actorAt(ring.name, 'producer');
    await victim.do('claim', { byteLength: 1000 });
    const producer = ring.producer();
    const count = fillUp(producer);
    await victim.child.murder();
    expect(producer.tryWrite('x')).toBe(false);
    const consumer = ring.consumer();
    expect(consumer.waitSync({ timeoutMs: PATIENCE_MS })).toBe('ready');
    expect(drainStrings(consumer)).toHaveLength(count);
    expect(ring.stats()).toMatchObject({ written: count, read: count, abandoned: 1, bytesWaiting: 0 });
    expect(producer.tryWrite('x')).toBe(true);
  });

  test('has been told of its age, from the claim on', async () => {
    const { ring, victim } = await blocked();
    await sleep(50);
    const consumer = ring.consumer();
    const first = consumer.blockedBy?.ageMs ?? -1;
    expect(first).toBeGreaterThanOrEqual(49);
    const [owner] = ring.owners().filter(({ pid }) => pid === victim.pid);
    expect(owner?.holds).toMatchObject({ position: 0, byteLength: 100 });
    expect(owner?.holds?.ageMs).toBeGreaterThanOrEqual(first);
    await victim.child.murder();
    expect(consumer.blockedBy).toMatchObject({ slot: owner?.slot, pid: victim.pid, alive: false });
  });

  test('has read on: owners() no longer shows it, though its owner is not recovered', async () => {
    const { ring, victim, producer } = await blocked();
    const consumer = ring.consumer();
    await victim.child.murder();
    expect(await within(consumer.wait(), 'what lies behind')).toBe('ready');
    const [owner] = ring.owners().filter(({ pid }) => pid === victim.pid);
    expect(owner).toMatchObject({ alive: false });
    expect(owner?.holds).toBeUndefined();
    // Kept until here: one that is collected closes.
    producer.close();
  });
});

describe('a producer that waits for room behind the claim of a dead one', () => {
  test('has it abandoned by itself, with no consumer attached, and writes once one reads', async () => {
    const ring = createRing();
    const victim = await actorAt(ring.name, 'producer');
    await victim.do('claim', { byteLength: 100 });
    const writer = await actorAt(ring.name, 'producer');
    const { written } = await writer.do('fill', { byteLength: 56 });
    await writer.begin('writeSync', { record: 'patient' });
    const first = (): string | undefined => ring.inspect().next().value?.state;
    expect(first()).toBe('reserved');
    await victim.child.murder();
    await until(() => first() === 'abandoned', 'the abandonment');
    const consumer = ring.consumer();
    expect(consumer.waitSync({ timeoutMs: PATIENCE_MS })).toBe('ready');
    const seen = drainStrings(consumer);
    expect(await writer.result()).toMatchObject({ written: true });
    seen.push(...drainStrings(consumer));
    expect(seen).toHaveLength(written + 1);
    expect(seen.at(-1)).toBe('patient');
  });
});

describe('recover()', () => {
  test('of several processes at once reports each dead claim and slot once in sum', async () => {
    const ring = createRing();
    const consumer = ring.consumer();
    const helpers = await Promise.all([1, 2, 3].map(async () => actorAt(ring.name)));
    for (const claims of [1, 60, 200]) {
      const { child, said } = await crowdAt(ring.name, 200, claims);
      expect(said).toMatchObject({ producers: 200, written: 200, claimed: claims });
      await child.murder();
      const recovering = helpers.map((helper) => helper.do('recover'));
      const reports = [ring.recover(), ...(await Promise.all(recovering))];
      const sum = (of: (report: typeof NOTHING) => number): number =>
        reports.reduce((total, report) => total + of(report as typeof NOTHING), 0);
      expect(sum(({ slotsFreed }) => slotsFreed)).toBe(200);
      expect(sum(({ recordsAbandoned }) => recordsAbandoned)).toBe(claims);
      expect(sum(({ bytesAbandoned }) => bytesAbandoned)).toBe(claims * span(100));
      expect(ring.recover()).toEqual(NOTHING);
      // What is abandoned is out of everybody's way at once.
      expect(consumer.drain(() => {})).toBe(200);
    }
    expect(consumer.tryRead()).toBeUndefined();
    expect(ring.stats()).toMatchObject({ written: 600, read: 600, abandoned: 261, bytesWaiting: 0 });
  });
});

test('who took the slot of a dead owner is not named for what that one left', async () => {
  const { ring, victim } = await blocked();
  const slot = ring.owners().find(({ pid }) => pid === victim.pid)?.slot;
  await victim.child.murder();
  // Every other slot is taken before that of a dead owner.
  let heir = ring.producer({ label: 'heir' });
  while (ring.owners().find((owner) => owner.slot === slot)?.label !== 'heir') {
    heir = ring.producer({ label: 'heir' });
  }
  expect(heir.closed).toBe(false);
  const consumer = ring.consumer();
  expect(consumer.blockedBy).toBeUndefined();
  expect(String(consumer.tryRead())).toBe('behind');
  expect(ring.stats()).toMatchObject({ abandoned: 1, producers: 254 });
});
