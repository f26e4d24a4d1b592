import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { eachKind } from '../helpers/kinds.js';

eachKind(({ kind, capacity, createRing }) => {
  describe('disposal', () => {
    test('using closes ring, producer and consumer', () => {
      const made = createRing();
      const handles: { closed: boolean }[] = [];
      {
        using ring = Ring.open(made.name);
        using producer = ring.producer();
        using consumer = ring.consumer();
        handles.push(ring, producer, consumer);
        expect(handles.map(({ closed }) => closed)).toEqual([false, false, false]);
      }
      expect(handles.map(({ closed }) => closed)).toEqual([true, true, true]);
      expect(made.owners()).toEqual([]);
    });

    test('using closes in spite of an error', () => {
      const made = createRing();
      const fail = (): void => {
        using ring = Ring.open(made.name);
        ring.producer().tryWrite('x');
        throw new Error('on the way');
      };
      expect(fail).toThrow('on the way');
      expect(made.stats()).toMatchObject({ written: 1, producers: 0 });
    });

    test('of a temporary ring removes its name', () => {
      let name = '';
      {
        using ring = Ring.temporary({ kind, capacity });
        ({ name } = ring);
      }
      expect(Ring.list().map((info) => info.name)).not.toContain(name);
    });

    test('of a persistent ring never unlinks it', () => {
      const made = createRing();
      {
        using ring = Ring.open(made.name);
        expect(ring.closed).toBe(false);
      }
      made.close();
      expect(Ring.unlink(made.name)).toBe(true);
    });

    test('await using of a producer writes what is pending, then closes', async () => {
      const ring = createRing();
      const consumer = ring.consumer();
      const record = Buffer.alloc(capacity / 4 - 8);
      const results: Promise<boolean>[] = [];
      setTimeout(() => consumer.drain(() => {}), 20);
      {
        await using producer = ring.producer();
        for (let i = 0; i < 6; i += 1) results.push(producer.write(record));
      }
      expect(await Promise.all(results)).toEqual(Array(6).fill(true));
      expect(ring.stats()).toMatchObject({ written: 6, producers: 0 });
    });
  });
});
