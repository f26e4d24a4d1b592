import { describe, expect, test, vi } from 'vitest';
import { codeOfRejection, rejection } from '../helpers/errors.js';
import { eachKind, SPSC } from '../helpers/kinds.js';
import { drainStrings, fillUp } from '../helpers/rings.js';
import { isPending, sleep, within } from '../helpers/time.js';

eachKind(({ createEnds, createRing }) => {
  describe('flush', () => {
    test('is true at once when nothing was written or all is released', async () => {
      const { producer, consumer } = createEnds();
      expect(await producer.flush()).toBe(true);
      producer.tryWrite('x');
      consumer.tryRead();
      expect(await producer.flush({ timeoutMs: 0 })).toBe(true);
    });

    test('waits until everything written before has been released', async () => {
      const { producer, consumer } = createEnds();
      for (let i = 0; i < 3; i += 1) producer.tryWrite(`${i}`);
      const flushing = producer.flush();
      consumer.tryRead();
      consumer.tryRead();
      expect(await isPending(flushing, 150)).toBe(true);
      consumer.tryRead();
      expect(await within(flushing, 'the flush')).toBe(true);
    });

    test('does not count as released what is only looked at', async () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('x');
      const batch = consumer.peek();
      expect(await producer.flush({ timeoutMs: 50 })).toBe(false);
      batch?.release();
      expect(await producer.flush({ timeoutMs: 5000 })).toBe(true);
    });

    test('is false on time-out and has changed nothing', async () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('x');
      const before = performance.now();
      expect(await producer.flush({ timeoutMs: 100 })).toBe(false);
      expect(performance.now() - before).toBeGreaterThanOrEqual(99);
      expect(drainStrings(consumer)).toEqual(['x']);
    });

    test('is not held up by what is written after its call', async () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('before');
      const flushing = producer.flush();
      producer.tryWrite('after');
      consumer.tryRead();
      expect(await within(flushing, 'the flush')).toBe(true);
      expect(drainStrings(consumer)).toEqual(['after']);
    });

    test('covers writes that were pending at its call', async () => {
      const { producer, consumer } = createEnds();
      fillUp(producer);
      const writing = producer.write('pending');
      const flushing = producer.flush();
      drainStrings(consumer, 3);
      await within(writing, 'the write');
      expect(await isPending(flushing)).toBe(true);
      drainStrings(consumer);
      expect(await within(flushing, 'the flush')).toBe(true);
    });

    test('is aborted by its signal, before and meanwhile', async () => {
      const { producer } = createEnds();
      producer.tryWrite('x');
      const early = producer.flush({ signal: AbortSignal.abort() });
      expect(await rejection(early)).toMatchObject({ name: 'AbortError' });
      const late = producer.flush({ signal: AbortSignal.timeout(20) });
      expect(await rejection(late)).toMatchObject({ name: 'AbortError' });
    });

    test('with requireConsumer rejects with NO_CONSUMER when something is unreleased and none lives', async () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('x');
      const flushing = producer.flush({ requireConsumer: true });
      expect(await isPending(flushing)).toBe(true);
      consumer.close();
      expect(await codeOfRejection(within(flushing, 'the rejection'))).toBe('NO_CONSUMER');
      expect(await codeOfRejection(producer.flush({ requireConsumer: true }))).toBe('NO_CONSUMER');
    });

    test('with requireConsumer is true when all is released, whoever lives', async () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('x');
      const flushing = producer.flush({ requireConsumer: true });
      expect(await isPending(flushing)).toBe(true);
      // Between two looks: the last thing that it did was to release everything.
      consumer.tryRead();
      consumer.close();
      expect(await within(flushing, 'the flush')).toBe(true);
      expect(await producer.flush({ requireConsumer: true })).toBe(true);
    });

    test('with requireConsumer asks for what is released once more when the consumer is gone', async () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('x');
      const asked = vi.spyOn(producer, 'consumerAlive').mockImplementation(() => {
        consumer.tryRead();
        consumer.close();
        return false;
      });
      expect(await producer.flush({ requireConsumer: true })).toBe(true);
      expect(asked).toHaveBeenCalledOnce();
    });

    test('without requireConsumer waits for a consumer to come', async () => {
      const ring = createRing();
      const producer = ring.producer();
      producer.tryWrite('x');
      const flushing = producer.flush({ requireConsumer: false });
      expect(await isPending(flushing)).toBe(true);
      ring.consumer().tryRead();
      expect(await within(flushing, 'the flush')).toBe(true);
    });

    test('rejects with CLOSED when the producer is closed meanwhile or before', async () => {
      const { producer } = createEnds();
      producer.tryWrite('x');
      const flushing = producer.flush();
      await sleep(10);
      producer.close();
      expect(await codeOfRejection(within(flushing, 'the rejection'))).toBe('CLOSED');
      expect(await codeOfRejection(producer.flush())).toBe('CLOSED');
    });
  });
});

describe('flush in an spsc ring', () => {
  test('is not held up by padding', async () => {
    const { producer, consumer } = SPSC.createEnds();
    producer.tryWrite(Buffer.alloc(3000));
    consumer.tryRead();
    // Does not fit behind, nor at the front together with the padding.
    expect(producer.tryWrite(Buffer.alloc(4000))).toBe(false);
    expect(consumer.tryRead()).toBeUndefined();
    expect(await producer.flush({ timeoutMs: 5000 })).toBe(true);
  });
});
