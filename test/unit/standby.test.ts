import { describe, expect, test } from 'vitest';
import { codeOfRejection, rejection } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { isPending, sleep, within } from '../helpers/time.js';

eachKind(({ createEnds, createRing }) => {
  describe('consumerWhenFree', () => {
    test('attaches at once when no consumer lives', async () => {
      const ring = createRing();
      const consumer = await ring.consumerWhenFree();
      expect(consumer?.closed).toBe(false);
      consumer?.close();
      expect(ring.consumerWhenFreeSync()?.closed).toBe(false);
    });

    test('is undefined on time-out while one lives', async () => {
      const { ring, consumer } = createEnds();
      expect(await ring.consumerWhenFree({ timeoutMs: 30 })).toBeUndefined();
      expect(ring.consumerWhenFreeSync({ timeoutMs: 30 })).toBeUndefined();
      expect(consumer.closed).toBe(false);
    });

    test('takes over when the living one closes, where that one stopped', async () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('1');
      producer.tryWrite('2');
      const waiting = ring.consumerWhenFree({ label: 'standby' });
      expect(await isPending(waiting)).toBe(true);
      expect(consumer.tryRead()?.toString()).toBe('1');
      consumer.close();
      const successor = await within(waiting, 'the take-over');
      expect(successor?.tryRead()?.toString()).toBe('2');
      expect(ring.owners().find(({ role }) => role === 'consumer')?.label).toBe('standby');
    });

    test('is aborted by its signal and takes no slot', async () => {
      const { ring, consumer } = createEnds();
      const aborter = new AbortController();
      const waiting = ring.consumerWhenFree({ signal: aborter.signal });
      await sleep(10);
      aborter.abort();
      expect(await rejection(within(waiting, 'the rejection'))).toMatchObject({ name: 'AbortError' });
      const early = ring.consumerWhenFree({ signal: aborter.signal });
      expect(await rejection(early)).toMatchObject({ name: 'AbortError' });
      consumer.close();
      expect(ring.consumer().closed).toBe(false);
    });

    test('rejects with CLOSED when the ring is closed meanwhile', async () => {
      const { ring, consumer } = createEnds();
      const waiting = ring.consumerWhenFree();
      await sleep(10);
      ring.close();
      expect(await codeOfRejection(within(waiting, 'the rejection'))).toBe('CLOSED');
      // Held until here: a collected consumer closes, and the standby would take over.
      expect(consumer.closed).toBe(true);
    });
  });
});
