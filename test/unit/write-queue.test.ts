// Writes that wait, very many of them at times: what is done for those that only wait, and how they get on.
import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import * as inner from '../../dist/native.js';
import { WriteQueue } from '../../dist/write-queue.js';
import { rejection } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings, fillUp } from '../helpers/rings.js';
import { isPending, sleep, until, within } from '../helpers/time.js';

// Not part of the declarations that are shipped.
const { native } = inner as unknown as { native: { waitForRoom(): boolean } };

const UNLIMITED = { maxRecords: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY };
const FOR_EVER = { timeoutMs: Number.POSITIVE_INFINITY, signal: undefined, requireConsumer: false };

/** A queue whose ring has room for as many records as `room` says, and what it was asked. */
function createQueue() {
  const ring = { room: 0, looks: 0, probes: 0, alive: true, written: [] as unknown[], onWrite: () => {} };
  const sink = {
    hasRoom: () => {
      ring.looks += 1;
      return ring.room > 0;
    },
    put: (record: unknown) => {
      ring.room -= 1;
      ring.written.push(record);
      ring.onWrite();
      return true;
    },
    consumerAlive: () => {
      ring.probes += 1;
      return ring.alive;
    },
    position: () => ring.written.length,
  };
  return { ring, queue: new WriteQueue(sink, UNLIMITED) };
}

/** How often the addon was asked for room meanwhile. */
async function looksDuring(action: () => unknown): Promise<number> {
  const spy = vi.spyOn(native, 'waitForRoom');
  try {
    await action();
    return spy.mock.calls.length;
  } finally {
    spy.mockRestore();
  }
}

eachKind(({ capacity, createRing, createEnds }) => {
  describe('a call that blocks behind a pending write', () => {
    // A slice of sleep is 100 ms; without sleep there are thousands of looks in each.
    const FEW = 40;

    test.each([{}, { requireConsumer: true }])(
      'writeSync sleeps, and does not spin (%j)',
      async (options) => {
        const ring = createRing();
        const producer = ring.producer();
        // The room that is left is enough for the small one, not for that which stands first.
        while (producer.tryWrite(Buffer.alloc(capacity / 4)));
        const count = ring.stats().written;
        const first = producer.write(Buffer.alloc(capacity / 4));
        expect(producer.pending.records).toBe(1);
        vi.spyOn(producer, 'consumerAlive').mockReturnValue(true);
        const looks = await looksDuring(() =>
          expect(producer.writeSync('small', { timeoutMs: 500, ...options })).toBe(false),
        );
        expect(looks).toBeLessThan(FEW);
        expect(ring.stats()).toMatchObject({ written: count, recordsWaiting: count });
        producer.close();
        await rejection(first);
      },
    );

    test('waitForRoomSync sleeps, and is not ready for what would be refused', async () => {
      const ring = createRing();
      const producer = ring.producer();
      while (producer.tryWrite(Buffer.alloc(capacity / 4)));
      const first = producer.write(Buffer.alloc(capacity / 4));
      const looks = await looksDuring(() =>
        expect(producer.waitForRoomSync(8, { timeoutMs: 500 })).toBe('timeout'),
      );
      expect(looks).toBeLessThan(FEW);
      producer.close();
      await rejection(first);
    });

    test('writes the pending ones first, all of them, even with no time to wait', async () => {
      const { producer, consumer } = createEnds();
      fillUp(producer, 500);
      const pending = ['a', 'b', 'c'].map((text) => producer.write(text));
      drainStrings(consumer);
      expect(producer.writeSync('d', { timeoutMs: 0 })).toBe(true);
      expect(producer.pending).toEqual({ records: 0, bytes: 0 });
      expect(await Promise.all(pending)).toEqual([true, true, true]);
      expect(drainStrings(consumer)).toEqual(['a', 'b', 'c', 'd']);
    });

    test('is ready for room once the pending ones are written', async () => {
      const { producer, consumer } = createEnds();
      fillUp(producer, 500);
      const pending = producer.write('a');
      drainStrings(consumer);
      expect(producer.waitForRoomSync(8, { timeoutMs: 0 })).toBe('ready');
      expect(producer.tryWrite('b')).toBe(true);
      expect(await pending).toBe(true);
      expect(drainStrings(consumer)).toEqual(['a', 'b']);
    });
  });

  describe('a loop of waitForRoom and tryWrite', () => {
    test('behind a pending write lets the event loop turn, and ends', async () => {
      const { producer, consumer } = createEnds();
      while (producer.tryWrite(Buffer.alloc(capacity / 4)));
      const first = producer.write(Buffer.alloc(capacity / 4));
      setTimeout(() => consumer.drain(() => {}), 20);
      let rounds = 0;
      // Where it was ready at once each time, no timer ever came.
      while (!producer.tryWrite('x') && rounds < 1e5) {
        expect(await producer.waitForRoom(8)).toBe('ready');
        rounds += 1;
      }
      expect(await within(first, 'the first')).toBe(true);
      expect(rounds).toBeLessThan(10);
      expect(drainStrings(consumer).at(-1)).toBe('x');
    });

    test.each(['waitForRoom', 'flush'] as const)(
      'lets timers through where %s has nothing to wait for',
      async (call) => {
        const { producer } = createEnds();
        let fired = false;
        setTimeout(() => (fired = true), 1);
        for (let i = 0; i < 1e6 && !fired; i += 1) {
          await (call === 'flush' ? producer.flush() : producer.waitForRoom(8));
        }
        expect(fired).toBe(true);
      },
    );
  });

  describe('what may wait', () => {
    test('is bounded: beyond it write is false at once and queues nothing', async () => {
      const ring = createRing();
      const consumer = ring.consumer();
      const producer = ring.producer({ pending: { maxRecords: 2, maxBytes: 100 } });
      const count = fillUp(producer, 500);
      const texts = ['1'.repeat(60), '2'.repeat(30)];
      const writing = [producer.write(texts[0] as string)];
      // 41 bytes more would be too many, and none of a third record.
      expect(await producer.write('x'.repeat(41))).toBe(false);
      writing.push(producer.write(texts[1] as string));
      expect(await producer.write('')).toBe(false);
      expect(producer.pending).toEqual({ records: 2, bytes: 90 });
      const seen = drainStrings(consumer);
      expect(await Promise.all(writing)).toEqual([true, true]);
      expect(producer.pending).toEqual({ records: 0, bytes: 0 });
      expect(await producer.write('after')).toBe(true);
      seen.push(...drainStrings(consumer));
      expect(seen.slice(count)).toEqual([...texts, 'after']);
    });

    test('is one record at least, however large', async () => {
      const ring = createRing();
      const consumer = ring.consumer();
      const producer = ring.producer({ pending: { maxBytes: 0, maxRecords: 1 } });
      fillUp(producer, 500);
      const first = producer.write('x'.repeat(1000));
      expect(producer.pending).toEqual({ records: 1, bytes: 1000 });
      expect(await producer.write('')).toBe(false);
      drainStrings(consumer);
      expect(await within(first, 'the first')).toBe(true);
    });

    test('is 64 MiB of records unless told otherwise', async () => {
      const producer = createRing({ capacity: 1 << 21 }).producer();
      const record = Buffer.alloc((1 << 20) - 100);
      while (producer.tryWrite(record));
      const most = Math.floor((64 << 20) / record.length);
      const writing = Array.from({ length: most }, () => producer.write(record));
      expect(producer.pending).toEqual({ records: most, bytes: most * record.length });
      expect(await producer.write(record)).toBe(false);
      producer.close();
      expect(producer.pending).toEqual({ records: 0, bytes: 0 });
      for (const write of writing)
        expect(await rejection(write)).toMatchObject({ code: 'ERR_SHMRING_CLOSED' });
    });

    test('counts no longer what was aborted or timed out', async () => {
      const { producer } = createEnds();
      fillUp(producer, 500);
      const aborter = new AbortController();
      const aborted = producer.write('12', { signal: aborter.signal });
      const late = producer.write('345', { timeoutMs: 10 });
      const stays = producer.write('6789');
      expect(producer.pending).toEqual({ records: 3, bytes: 9 });
      aborter.abort();
      expect(producer.pending).toEqual({ records: 2, bytes: 7 });
      await rejection(aborted);
      expect(await within(late, 'the time-out')).toBe(false);
      expect(producer.pending).toEqual({ records: 1, bytes: 4 });
      producer.close();
      await rejection(stays);
    });

    test('does not let a loop that tries again at once keep the event loop', async () => {
      const ring = createRing();
      const consumer = ring.consumer();
      const producer = ring.producer({ pending: { maxRecords: 1 } });
      fillUp(producer, 500);
      const first = producer.write('first');
      setTimeout(() => consumer.drain(() => {}), 5);
      let tries = 0;
      while (!(await producer.write('second')) && tries < 1e6) tries += 1;
      expect(await within(first, 'the first')).toBe(true);
      expect(tries).toBeLessThan(1e6);
      await until(() => producer.pending.records === 0, 'the second');
      expect(drainStrings(consumer)).toEqual(['first', 'second']);
    });
  });

  describe('requireConsumer of a write', () => {
    test('that stands behind another is heeded all the same', async () => {
      const producer = createRing().producer();
      fillUp(producer);
      const first = producer.write('waits');
      const second = producer.write('does not', { requireConsumer: true });
      expect(await within(rejection(second), 'the rejection')).toMatchObject({
        code: 'ERR_SHMRING_NO_CONSUMER',
      });
      expect(await isPending(first)).toBe(true);
      producer.close();
      await rejection(first);
    });
  });

  describe('an abort of many', () => {
    test('leaves the others in line, and listens once', async () => {
      const { producer, consumer } = createEnds();
      fillUp(producer, 500);
      const aborter = new AbortController();
      const writing = Array.from({ length: 1000 }, (_, i) =>
        producer.write(`${i}`, i % 3 === 0 ? { signal: aborter.signal } : {}),
      );
      expect(getEventListeners(aborter.signal, 'abort')).toHaveLength(1);
      const settled = Promise.allSettled(writing);
      aborter.abort();
      const seen: string[] = [];
      while (producer.pending.records > 0) {
        seen.push(...drainStrings(consumer));
        await sleep(1);
      }
      seen.push(...drainStrings(consumer));
      const outcomes = (await settled).map(({ status }) => status);
      expect(outcomes).toEqual(writing.map((_, i) => (i % 3 === 0 ? 'rejected' : 'fulfilled')));
      const others = writing.map((_, i) => `${i}`).filter((_, i) => i % 3 !== 0);
      expect(seen.slice(-others.length)).toEqual(others);
    });
  });
});

describe('a look at many pending writes', () => {
  test('costs no more than one at a few', () => {
    const cost = (pending: number): number => {
      const { queue } = createQueue();
      const options = { ...FOR_EVER, timeoutMs: 1e9 };
      for (let i = 0; i < pending; i += 1) queue.push('x', 1, options).catch(() => {});
      let least = Number.POSITIVE_INFINITY;
      for (let tries = 0; tries < 5; tries += 1) {
        const before = process.cpuUsage();
        for (let looks = 0; looks < 300; looks += 1) queue.pump();
        const { user, system } = process.cpuUsage(before);
        least = Math.min(least, user + system);
      }
      queue.close();
      return least;
    };
    cost(10);
    // Where each look walks all of them it is some thousand times as much: half a second.
    expect(cost(100_000)).toBeLessThan(100 * cost(10) + 20_000);
  });

  test('asks for room once, and for a consumer once where one is required', () => {
    const { queue, ring } = createQueue();
    for (let i = 0; i < 1000; i += 1) {
      queue.push('x', 1, { ...FOR_EVER, timeoutMs: 1e9, requireConsumer: true }).catch(() => {});
    }
    ring.looks = 0;
    ring.probes = 0;
    expect(queue.pump()).toBe(false);
    expect(ring).toMatchObject({ looks: 1, probes: 1 });
    queue.close();
  });
});

describe('pending writes', () => {
  test('that found no room for long, and then some at a time, need not a pause for each', async () => {
    const { queue, ring } = createQueue();
    const writing = Array.from({ length: 200 }, (_, i) => queue.push(`${i}`, 1, FOR_EVER));
    const pauses = vi.spyOn(globalThis, 'setTimeout');
    try {
      // Until the pauses are long.
      while (pauses.mock.calls.length < 20) await new Promise(setImmediate);
      ring.room = 1;
      await writing[0];
      pauses.mockClear();
      while (queue.length > 0) {
        ring.room = 1;
        await new Promise(setImmediate);
      }
      expect(pauses.mock.calls.length).toBeLessThan(10);
    } finally {
      pauses.mockRestore();
    }
    expect(await Promise.all(writing)).toEqual(writing.map(() => true));
    expect(ring.written).toEqual(writing.map((_, i) => `${i}`));
  });

  test('that all find room at once let the event loop turn meanwhile', async () => {
    const { queue, ring } = createQueue();
    const writing = Array.from({ length: 60 }, () => queue.push('x', 1, FOR_EVER));
    const turnsAt = new Set<number>();
    ring.onWrite = () => {
      const end = performance.now() + 0.4;
      while (performance.now() < end);
    };
    let more = true;
    const turn = (): void => {
      turnsAt.add(ring.written.length);
      if (more) setImmediate(turn);
    };
    turn();
    ring.room = 60;
    await Promise.all(writing);
    more = false;
    // 24 ms of work, in slices of 1.
    expect(turnsAt.size).toBeGreaterThan(8);
  });

  test('of different time-outs end by their own, whoever stands before them', async () => {
    const { queue } = createQueue();
    const ended: number[] = [];
    const times = [400, 20, 300, 60, 200, 100];
    const writing = times.map((timeoutMs) =>
      queue.push('x', 1, { ...FOR_EVER, timeoutMs }).then((written) => {
        expect(written).toBe(false);
        ended.push(timeoutMs);
      }),
    );
    await within(Promise.all(writing), 'the last time-out');
    expect(ended).toEqual([...times].sort((a, b) => a - b));
    expect(queue.length).toBe(0);
  });

  test('are looked at when the nearest time-out is over, not a pause later', async () => {
    vi.useFakeTimers();
    try {
      for (const timeoutMs of [101, 113, 127, 138]) {
        const { queue } = createQueue();
        const behind = queue.push('x', 1, FOR_EVER);
        let ended = false;
        const first = queue.push('x', 1, { ...FOR_EVER, timeoutMs }).finally(() => (ended = true));
        await vi.advanceTimersByTimeAsync(timeoutMs - 1);
        expect(ended).toBe(false);
        await vi.advanceTimersByTimeAsync(2);
        expect(ended).toBe(true);
        expect(await first).toBe(false);
        queue.close();
        await rejection(behind);
      }
    } finally {
      vi.useRealTimers();
    }
  });

  test('whose record grew with its memory wait for room for what it is now', async () => {
    const asked: number[] = [];
    const memory = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 64 }]);
    const grown = new WriteQueue(
      {
        hasRoom: (byteLength: number) => {
          asked.push(byteLength);
          return false;
        },
        put: () => false,
        consumerAlive: () => true,
        position: () => 0,
      },
      UNLIMITED,
    );
    const writing = grown.push(new Uint8Array(memory), 8, FOR_EVER);
    memory.resize(48);
    grown.pump();
    expect(asked.at(-1)).toBe(48);
    expect(grown.need).toBe(48);
    structuredClone(memory, { transfer: [memory] });
    grown.pump();
    expect(await rejection(writing)).toMatchObject({ code: 'ERR_SHMRING_INVALID_ARGUMENT' });
    expect(grown.length).toBe(0);
  });
});
