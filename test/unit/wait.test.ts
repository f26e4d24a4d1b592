import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { codeOfRejection, rejection } from '../helpers/errors.js';
import { eachKind, SPSC } from '../helpers/kinds.js';
import { fillUp } from '../helpers/rings.js';
import { isPending, sleep, within } from '../helpers/time.js';

eachKind(({ createEnds }) => {
  describe('wait', () => {
    test('is ready at once when something waits, and consumes nothing', async () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('x');
      expect(await consumer.wait()).toBe('ready');
      expect(await consumer.wait({ timeoutMs: 0 })).toBe('ready');
      expect(ring.stats().read).toBe(0);
    });

    test('is ready when something arrives', async () => {
      const { producer, consumer } = createEnds();
      const waiting = consumer.wait();
      expect(await isPending(waiting)).toBe(true);
      producer.tryWrite('x');
      expect(await within(waiting, 'the wake')).toBe('ready');
    });

    test('times out, not before, when nothing arrives', async () => {
      const { consumer } = createEnds();
      expect(await consumer.wait({ timeoutMs: 0 })).toBe('timeout');
      const before = performance.now();
      expect(await consumer.wait({ timeoutMs: 150 })).toBe('timeout');
      expect(performance.now() - before).toBeGreaterThanOrEqual(149);
    });

    test('does not block the event loop', async () => {
      const { consumer } = createEnds();
      let ticks = 0;
      const timer = setInterval(() => (ticks += 1), 5);
      expect(await consumer.wait({ timeoutMs: 300 })).toBe('timeout');
      clearInterval(timer);
      expect(ticks).toBeGreaterThan(5);
    });

    test('rejects with AbortError when aborted, and has changed nothing', async () => {
      const { producer, consumer } = createEnds();
      const aborter = new AbortController();
      const waiting = consumer.wait({ signal: aborter.signal });
      await sleep(20);
      aborter.abort();
      const error = await within(rejection(waiting), 'the rejection');
      expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
      producer.tryWrite('x');
      expect(await consumer.wait({ timeoutMs: 1000 })).toBe('ready');
      expect(consumer.tryRead()?.toString()).toBe('x');
    });

    test('rejects with AbortError when aborted before, even if something waits', async () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('x');
      const signal = AbortSignal.abort(new Error('my reason'));
      const error = await rejection(consumer.wait({ signal }));
      expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
      expect((error as Error).cause).toBe(signal.reason);
      expect(consumer.tryRead()?.toString()).toBe('x');
    });

    test('leaves no listener behind on its signal', async () => {
      const { producer, consumer } = createEnds();
      const { signal } = new AbortController();
      const waiting = consumer.wait({ signal });
      expect(getEventListeners(signal, 'abort')).toHaveLength(1);
      expect(await consumer.wait({ signal, timeoutMs: 20 })).toBe('timeout');
      producer.tryWrite('x');
      expect(await waiting).toBe('ready');
      expect(await consumer.wait({ signal })).toBe('ready');
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    });

    test('is not disturbed by a signal whose methods are replaced', async () => {
      const { producer, consumer } = createEnds();
      const aborter = new AbortController();
      const fail = (): never => {
        throw new Error('not to be called');
      };
      const signal = Object.assign(aborter.signal, { addEventListener: fail, removeEventListener: fail });
      const waiting = consumer.wait({ signal });
      producer.tryWrite('x');
      expect(await waiting).toBe('ready');
      fillUp(producer);
      const writing = producer.write('y', { signal });
      aborter.abort();
      expect(await rejection(writing)).toMatchObject({ name: 'AbortError' });
      expect(producer.pending.records).toBe(0);
    });

    test('rejects with CLOSED when the consumer is closed meanwhile', async () => {
      const { consumer } = createEnds();
      const waiting = consumer.wait();
      await sleep(10);
      consumer.close();
      expect(await codeOfRejection(within(waiting, 'the rejection'))).toBe('CLOSED');
    });

    test('rejects with CLOSED when the ring is closed meanwhile', async () => {
      const { ring, consumer } = createEnds();
      const waiting = consumer.wait();
      await sleep(10);
      ring.close();
      expect(await codeOfRejection(within(waiting, 'the rejection'))).toBe('CLOSED');
    });

    test('of a closed consumer rejects and never throws at once', async () => {
      const { consumer } = createEnds();
      consumer.close();
      const waiting = consumer.wait();
      expect(await codeOfRejection(waiting)).toBe('CLOSED');
    });

    test('asked for again and again misses no record', async () => {
      const { producer, consumer } = createEnds();
      let seen = 0;
      const reader = (async () => {
        while (seen < 200) {
          expect(await consumer.wait({ timeoutMs: 10_000 })).toBe('ready');
          seen += consumer.drain(() => {});
        }
      })();
      for (let i = 0; i < 200; i += 1) {
        producer.tryWrite(`${i}`);
        if (i % 3 === 0) await sleep(i % 2);
      }
      await within(reader, 'the last record');
      expect(seen).toBe(200);
    });
  });

  describe('an abort', () => {
    test('of a wait that has lasted leaves the timers of everybody else alone', async () => {
      const { consumer } = createEnds();
      for (let i = 0; i < 3; i += 1) {
        const aborted = consumer.wait({ signal: AbortSignal.timeout(60) });
        expect(await rejection(within(aborted, 'the rejection'))).toMatchObject({ name: 'AbortError' });
        await within(new Promise(setImmediate), 'a turn of the event loop', 5000);
        await within(sleep(20), 'a timer', 5000);
      }
    });

    test.each([new Error('my reason'), 'a string', undefined])(
      'for the reason %s rejects every call with the same AbortError, which tells the reason',
      async (reason) => {
        const { ring, producer, consumer } = createEnds();
        const signal = AbortSignal.abort(reason);
        for (const call of [
          () => consumer.wait({ signal }),
          () => producer.write('x', { signal }),
          () => producer.waitForRoom(8, { signal }),
          () => producer.flush({ signal }),
          () => ring.consumerWhenFree({ signal }),
          () => consumer.batches({ signal })[Symbol.asyncIterator]().next(),
        ]) {
          const error = await rejection(call());
          expect(error, String(call)).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
          expect((error as Error).cause, String(call)).toBe(signal.reason);
        }
        expect(ring.stats()).toMatchObject({ written: 0, consumers: 1 });
      },
    );
  });

  describe('waitSync', () => {
    test('is ready at once when something waits', () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('x');
      expect(consumer.waitSync()).toBe('ready');
      expect(consumer.waitSync({ timeoutMs: 0 })).toBe('ready');
    });

    test('times out, not before, when nothing arrives', () => {
      const { consumer } = createEnds();
      expect(consumer.waitSync({ timeoutMs: 0 })).toBe('timeout');
      const before = performance.now();
      expect(consumer.waitSync({ timeoutMs: 250 })).toBe('timeout');
      expect(performance.now() - before).toBeGreaterThanOrEqual(249);
    });

    test('during a pending wait leaves the pending one working', async () => {
      const { producer, consumer } = createEnds();
      const waiting = consumer.wait();
      await sleep(10);
      expect(consumer.waitSync({ timeoutMs: 20 })).toBe('timeout');
      expect(await isPending(waiting)).toBe(true);
      producer.tryWrite('x');
      expect(await within(waiting, 'the wake')).toBe('ready');
    });
  });
});

describe('waitSync in an spsc ring', () => {
  test('is not made ready by padding alone, and clears the padding away', () => {
    const { producer, consumer } = SPSC.createEnds();
    producer.tryWrite(Buffer.alloc(2000));
    consumer.tryRead();
    // 2088 bytes to the end of the buffer are padded, the record itself must wait for them.
    expect(producer.tryWrite(Buffer.alloc(4000))).toBe(false);
    expect(consumer.waitSync({ timeoutMs: 20 })).toBe('timeout');
    expect(producer.tryWrite(Buffer.alloc(4000))).toBe(true);
    expect(consumer.waitSync({ timeoutMs: 0 })).toBe('ready');
  });
});
