import { describe, expect, test } from 'vitest';
import { codeOf } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings } from '../helpers/rings.js';
import { isPending, sleep, within } from '../helpers/time.js';

eachKind(({ createEnds, createRing }) => {
  describe("a stream that ends when 'sealed'", () => {
    test('has not ended as long as something waits', () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('1');
      producer.tryWrite('2');
      expect(consumer.ended).toBe(false);
      ring.seal();
      expect(consumer.ended).toBe(false);
      expect(consumer.waitSync()).toBe('ready');
      consumer.tryRead();
      expect(consumer.ended).toBe(false);
      consumer.tryRead();
      expect(consumer.waitSync()).toBe('ended');
      expect(consumer.ended).toBe('sealed');
    });

    test('ends for wait, waitSync and drainSync alike, again and again', async () => {
      const { ring, consumer } = createEnds();
      ring.seal();
      for (let i = 0; i < 3; i += 1) {
        expect(consumer.waitSync()).toBe('ended');
        expect(await consumer.wait()).toBe('ended');
        expect(consumer.drainSync(() => {})).toBe(0);
        expect(consumer.drain(() => {})).toBe(0);
        expect(consumer.tryRead()).toBeUndefined();
        expect(consumer.peek()).toBeUndefined();
      }
      expect(consumer.ended).toBe('sealed');
    });

    test('ends while the producer is attached but in no write', () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('x');
      consumer.tryRead();
      ring.seal();
      expect(consumer.waitSync({ timeoutMs: 5000 })).toBe('ended');
      expect(producer.closed).toBe(false);
    });

    test('wakes a pending wait when the seal comes', async () => {
      const { ring, consumer } = createEnds();
      const waiting = consumer.wait();
      expect(await isPending(waiting)).toBe(true);
      ring.seal();
      expect(await within(waiting, 'the end')).toBe('ended');
    });

    test('does not end because producers come and go', () => {
      const { ring, producer, consumer } = createEnds();
      producer.close();
      expect(consumer.waitSync({ timeoutMs: 150 })).toBe('timeout');
      ring.producer().close();
      expect(consumer.waitSync({ timeoutMs: 150 })).toBe('timeout');
      expect(consumer.ended).toBe(false);
    });

    test('ends for a consumer that attaches after the seal', () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('left');
      ring.seal();
      consumer.close();
      const successor = ring.consumer();
      expect(drainStrings(successor)).toEqual(['left']);
      expect(successor.waitSync()).toBe('ended');
      expect(successor.ended).toBe('sealed');
    });
  });

  describe("a stream that ends when there are 'no-producers'", () => {
    test('waits for the first producer, however long that takes', async () => {
      const ring = createRing();
      const consumer = ring.consumer({ endWhen: 'no-producers' });
      expect(consumer.ended).toBe(false);
      expect(consumer.waitSync({ timeoutMs: 150 })).toBe('timeout');
      const waiting = consumer.wait();
      expect(await isPending(waiting, 150)).toBe(true);
      ring.producer().tryWrite('x');
      expect(await within(waiting, 'the first record')).toBe('ready');
    });

    test('has not ended while one lives, idle or not', () => {
      const ring = createRing();
      const consumer = ring.consumer({ endWhen: 'no-producers' });
      ring.producer();
      expect(consumer.waitSync({ timeoutMs: 250 })).toBe('timeout');
      expect(consumer.ended).toBe(false);
    });

    test('ends when the last one has closed and all is read', () => {
      const ring = createRing();
      const consumer = ring.consumer({ endWhen: 'no-producers' });
      const producer = ring.producer();
      producer.tryWrite('1');
      producer.close();
      expect(consumer.ended).toBe(false);
      expect(consumer.waitSync()).toBe('ready');
      expect(drainStrings(consumer)).toEqual(['1']);
      expect(consumer.waitSync({ timeoutMs: 5000 })).toBe('ended');
      expect(consumer.ended).toBe('no-producers');
    });

    test('ends a pending wait when the last one closes', async () => {
      const ring = createRing();
      const consumer = ring.consumer({ endWhen: 'no-producers' });
      const producer = ring.producer();
      const waiting = consumer.wait();
      await sleep(20);
      producer.close();
      expect(await within(waiting, 'the end')).toBe('ended');
      expect(consumer.ended).toBe('no-producers');
    });

    test('ends for a consumer that attaches when all producers have gone already', () => {
      const ring = createRing();
      const producer = ring.producer();
      producer.tryWrite('left');
      producer.close();
      const consumer = ring.consumer({ endWhen: 'no-producers' });
      expect(drainStrings(consumer)).toEqual(['left']);
      expect(consumer.waitSync({ timeoutMs: 5000 })).toBe('ended');
    });

    test('waits anew when the consumer is started anew: who came and went before is of an earlier run', () => {
      const ring = createRing();
      const endWhen = 'no-producers';
      for (const night of ['1', '2', '3']) {
        const consumer = ring.consumer({ endWhen });
        expect(consumer.ended).toBe(false);
        expect(consumer.waitSync({ timeoutMs: 20 })).toBe('timeout');
        const producer = ring.producer();
        producer.tryWrite(night);
        producer.close();
        expect(consumer.waitSync()).toBe('ready');
        expect(drainStrings(consumer)).toEqual([night]);
        expect(consumer.waitSync({ timeoutMs: 5000 })).toBe('ended');
        expect(consumer.ended).toBe('no-producers');
        consumer.close();
      }
    });

    test('has begun with a producer that closes before the consumer looks for the first time', () => {
      const ring = createRing();
      const producer = ring.producer();
      const consumer = ring.consumer({ endWhen: 'no-producers' });
      producer.close();
      expect(consumer.ended).toBe('no-producers');
      consumer.close();
      const successor = ring.consumer({ endWhen: 'no-producers' });
      expect(successor.ended).toBe(false);
      ring.producer().close();
      expect(successor.ended).toBe('no-producers');
    });

    test('ends by a seal as well, and says so', () => {
      const ring = createRing();
      const consumer = ring.consumer({ endWhen: 'no-producers' });
      ring.producer().tryWrite('x');
      ring.seal();
      expect(drainStrings(consumer)).toEqual(['x']);
      expect(consumer.waitSync({ timeoutMs: 5000 })).toBe('ended');
      expect(consumer.ended).toBe('sealed');
    });
  });

  describe('waiting for room in a sealed ring', () => {
    test('does not wait: SEALED or ended', async () => {
      const { ring, producer } = createEnds();
      ring.seal();
      const sync = ((): string => {
        try {
          return producer.waitForRoomSync(8, { timeoutMs: 5000 });
        } catch (error) {
          return codeOf(() => {
            throw error;
          });
        }
      })();
      expect(['ended', 'SEALED']).toContain(sync);
      const later = await within(
        producer.waitForRoom(8, { timeoutMs: 5000 }).catch(() => 'SEALED'),
        'the answer',
        4000,
      );
      expect(later).toBe(sync);
    });
  });
});
