import { describe, expect, test } from 'vitest';
import { codeOf, thrown } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { drainStrings } from '../helpers/rings.js';

eachKind(({ capacity, span, createEnds, createRing }) => {
  function filled(count = 5): ReturnType<typeof createEnds> {
    const ends = createEnds();
    for (let i = 0; i < count; i += 1) ends.producer.tryWrite(`${i}`);
    return ends;
  }

  describe('drain', () => {
    test('hands out each record as a range of memory, and returns how many', () => {
      const { ring, consumer } = filled();
      const seen: string[] = [];
      const count = consumer.drain((memory, start, end) => {
        expect(start % 8).toBe(0);
        seen.push(memory.toString('latin1', start, end));
      });
      expect(count).toBe(5);
      expect(seen).toEqual(['0', '1', '2', '3', '4']);
      expect(ring.stats()).toMatchObject({ read: 5, recordsWaiting: 0, bytesWaiting: 0 });
    });

    test('of an empty ring calls nobody and returns 0', () => {
      const { consumer } = createEnds();
      expect(consumer.drain(() => expect.unreachable())).toBe(0);
    });

    test('always gives the same memory, of capacity bytes', () => {
      const { consumer } = filled();
      const seen = new Set<Buffer>();
      consumer.drain((memory) => void seen.add(memory));
      expect(seen.size).toBe(1);
      const [memory] = seen as unknown as [Buffer];
      expect(Buffer.isBuffer(memory)).toBe(true);
      expect(memory.length).toBe(capacity);
    });

    test('gives positions in units of 8 bytes that tell where the record lies', () => {
      const { producer, consumer } = createEnds();
      let last = -1;
      let position = 0;
      for (let lap = 0; lap < 400; lap += 1) {
        for (let i = 0; i < 3; i += 1) producer.tryWrite('x'.repeat((lap * 7 + i * 31) % 150));
        consumer.drain((_, start, end, at) => {
          expect(at).toBeGreaterThan(last);
          expect(start).toBe(((at * 8) % capacity) + 8);
          expect(end).toBeLessThanOrEqual(capacity);
          last = at;
          position = at + 1 + Math.ceil((end - start) / 8);
        });
        expect(consumer.position).toBeGreaterThanOrEqual(position);
      }
      expect(last).toBeGreaterThan(capacity / 8);
    });

    test.each([
      [1, 1],
      [3, 3],
      [5, 5],
      [6, 5],
      [Infinity, 5],
      [2 ** 40, 5],
    ])('with limit %s hands out %i of 5 and leaves the rest', (limit, expected) => {
      const { ring, consumer } = filled();
      expect(consumer.drain(() => {}, limit)).toBe(expected);
      expect(ring.stats().recordsWaiting).toBe(5 - expected);
      expect(drainStrings(consumer)).toEqual(['0', '1', '2', '3', '4'].slice(expected));
    });

    test('stops after the record for which the handler returns false; that one is consumed', () => {
      const { ring, consumer } = filled();
      const seen: number[] = [];
      const count = consumer.drain((_, __, ___, position) => {
        seen.push(position);
        return seen.length !== 2;
      });
      expect(count).toBe(2);
      expect(ring.stats().read).toBe(2);
      expect(drainStrings(consumer)).toEqual(['2', '3', '4']);
    });

    test.each([undefined, true, 0, '', null])('goes on when the handler returns %j', (answer) => {
      const { consumer } = filled();
      expect(consumer.drain((() => answer) as () => boolean)).toBe(5);
    });

    test('whose handler throws releases those before, keeps that record first, passes the error on', () => {
      const { ring, consumer } = filled();
      const error = new Error('from the handler');
      let calls = 0;
      const drain = (): number =>
        consumer.drain(() => {
          calls += 1;
          if (calls === 3) throw error;
        });
      expect(thrown(drain)).toBe(error);
      expect(calls).toBe(3);
      expect(ring.stats()).toMatchObject({ read: 2, recordsWaiting: 3 });
      expect(drainStrings(consumer)).toEqual(['2', '3', '4']);
    });

    test.each([undefined, null, 0, 'text'])('passes on a thrown %j as it is', (value) => {
      const { consumer } = filled();
      const drain = (): number =>
        consumer.drain(() => {
          throw value;
        });
      expect(thrown(drain)).toBe(value);
      expect(drainStrings(consumer)).toHaveLength(5);
    });

    test('whose handler throws at the first record consumes nothing, however often', () => {
      const { ring, consumer } = filled();
      for (let i = 0; i < 100; i += 1) {
        thrown(() =>
          consumer.drain(() => {
            throw new Error('again');
          }),
        );
      }
      expect(ring.stats().read).toBe(0);
    });

    test('refuses reading inside its handler with REENTRANT and goes on unharmed', () => {
      const { ring, consumer } = filled();
      const reads: (() => unknown)[] = [
        () => consumer.tryRead(),
        () => consumer.drain(() => {}),
        () => consumer.drainSync(() => {}, { timeoutMs: 0 }),
        () => consumer.peek(),
        () => consumer.waitSync({ timeoutMs: 0 }),
      ];
      let calls = 0;
      expect(
        consumer.drain(() => {
          calls += 1;
          for (const read of reads) expect(codeOf(read), String(read)).toBe('REENTRANT');
        }),
      ).toBe(5);
      expect(calls).toBe(5);
      expect(ring.stats().read).toBe(5);
    });

    test('lets its handler write to the same ring; what was written comes out in order', () => {
      const { producer, consumer } = filled(2);
      let echoed = 0;
      const seen: string[] = [];
      const collect = (): void => {
        consumer.drain((memory, start, end) => {
          const text = memory.toString('latin1', start, end);
          seen.push(text);
          if (echoed < 50) {
            echoed += 1;
            expect(producer.tryWrite(`${text}+`)).toBe(true);
          }
        });
      };
      for (let i = 0; i < 60; i += 1) collect();
      expect(seen).toHaveLength(52);
      expect(seen.slice(0, 4)).toEqual(['0', '1', '0+', '1+']);
    });

    test('returns even when its handler always writes another record', () => {
      const { producer, consumer } = filled(1);
      let calls = 0;
      consumer.drain(() => {
        calls += 1;
        if (calls > 1_000_000) throw new Error('drain lingers');
        producer.tryWrite('another');
      });
      expect(calls).toBeGreaterThan(0);
    });

    test('lets its handler close: it takes effect afterwards, the record is consumed', () => {
      const { ring, producer, consumer } = filled();
      const seen: string[] = [];
      consumer.drain((memory, start, end) => {
        seen.push(memory.toString('latin1', start, end));
        if (seen.length === 2) consumer.close();
        expect(memory.length).toBe(capacity);
      });
      expect(seen.slice(0, 2)).toEqual(['0', '1']);
      expect(consumer.closed).toBe(true);
      expect(codeOf(() => consumer.tryRead())).toBe('CLOSED');
      expect(producer.tryWrite('5')).toBe(true);
      const all = [...seen, ...drainStrings(ring.consumer())];
      expect(all).toEqual(['0', '1', '2', '3', '4', '5']);
    });

    test('lets its handler close the whole ring: it takes effect afterwards', () => {
      const { ring, consumer } = filled();
      let lengths = 0;
      consumer.drain((memory, start, end) => {
        ring.close();
        lengths += memory.subarray(start, end).length;
      });
      expect(lengths).toBeGreaterThan(0);
      expect([ring.closed, consumer.closed]).toEqual([true, true]);
    });

    test('whose handler closes and throws passes the error on, closes, and keeps that record first', () => {
      const { ring, consumer } = filled();
      const error = new Error('from the handler');
      const drain = (): number =>
        consumer.drain((memory, start) => {
          if (memory[start] !== 0x32) return;
          consumer.close();
          throw error;
        });
      expect(thrown(drain)).toBe(error);
      expect(consumer.closed).toBe(true);
      expect(drainStrings(ring.consumer())).toEqual(['2', '3', '4']);
    });

    test('lets its handler drain another ring, whose handler closes both', () => {
      const outer = filled();
      const inner = filled();
      const seen: string[] = [];
      outer.consumer.drain((memory, start, end) => {
        const before = memory.toString('latin1', start, end);
        inner.consumer.drain((innerMemory, innerStart, innerEnd) => {
          seen.push(before + innerMemory.toString('latin1', innerStart, innerEnd));
          outer.ring.close();
          inner.ring.close();
          return false;
        });
        // Both are still there until their own drain has ended; the inner one has.
        expect(inner.consumer.closed).toBe(true);
        expect(memory.toString('latin1', start, end)).toBe(before);
        return false;
      });
      expect(seen).toEqual(['00']);
      expect([outer.ring, outer.consumer, outer.producer].map((end) => end.closed)).toEqual([
        true,
        true,
        true,
      ]);
    });

    test('lets its handler close the producer whose claim is open: the claim is aborted, the drain goes on', () => {
      const { ring, producer, consumer } = filled();
      producer.tryClaim(100);
      const seen: string[] = [];
      consumer.drain((memory, start, end) => {
        producer.close();
        seen.push(memory.toString('latin1', start, end));
      });
      expect(seen).toEqual(['0', '1', '2', '3', '4']);
      expect(ring.stats()).toMatchObject({ read: 5, aborted: 1, producers: 0 });
    });

    test('releases in chunks while it goes on, so that the handler sees room again', () => {
      const ring = createRing({ capacity: 65_536 });
      const producer = ring.producer();
      const consumer = ring.consumer();
      const record = Buffer.alloc(120);
      while (producer.tryWrite(record));
      let firstRoomAt = -1;
      let handled = 0;
      consumer.drain(() => {
        handled += 128;
        if (firstRoomAt < 0 && producer.tryWrite(record)) firstRoomAt = handled;
      });
      expect(firstRoomAt).toBeGreaterThan(0);
      expect(firstRoomAt).toBeLessThanOrEqual(65_536 / 8 + 128);
    });
  });

  describe('drainSync', () => {
    test('hands out what is there without waiting', () => {
      const { consumer } = filled();
      expect(consumer.drainSync(() => {}, { limit: 2, lagMicros: 0 })).toBe(2);
      expect(consumer.drainSync(() => {})).toBe(3);
    });

    test('returns 0 after the time-out, not before, when nothing comes', () => {
      const { consumer } = createEnds();
      expect(consumer.drainSync(() => expect.unreachable(), { timeoutMs: 0 })).toBe(0);
      const before = performance.now();
      expect(consumer.drainSync(() => expect.unreachable(), { timeoutMs: 150 })).toBe(0);
      expect(performance.now() - before).toBeGreaterThanOrEqual(149);
    });

    test('stops at false and keeps the record of a throwing handler, as drain does', () => {
      const { ring, consumer } = filled();
      expect(consumer.drainSync(() => false)).toBe(1);
      const error = new Error('from the handler');
      const drain = (): number =>
        consumer.drainSync((_, __, ___, position) => {
          if (position > span(1) / 8) throw error;
        });
      expect(thrown(drain)).toBe(error);
      expect(ring.stats().read).toBe(2);
      expect(drainStrings(consumer)).toEqual(['2', '3', '4']);
    });

    test('returns 0 at once when the stream has ended', () => {
      const { ring, consumer } = filled();
      ring.seal();
      expect(consumer.drainSync(() => {})).toBe(5);
      expect(consumer.drainSync(() => expect.unreachable())).toBe(0);
      expect(consumer.ended).toBe('sealed');
    });
  });
});
