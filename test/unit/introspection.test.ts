import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { eachKind, MPSC, SPSC } from '../helpers/kinds.js';
import { closing, drainStrings, fillUp } from '../helpers/rings.js';

eachKind(({ capacity, span, createEnds, createRing }) => {
  describe('stats', () => {
    test('of a fresh ring are all zero', () => {
      expect(createRing().stats()).toEqual({
        written: 0,
        read: 0,
        recordsWaiting: 0,
        bytesWaiting: 0,
        abandoned: 0,
        aborted: 0,
        full: 0,
        producers: 0,
        consumers: 0,
      });
    });

    test('count what was written, read, aborted and refused, and who is attached', () => {
      const { ring, producer, consumer } = createEnds();
      const count = fillUp(producer, 100);
      for (let i = 0; i < 3; i += 1) consumer.tryRead();
      producer.tryClaim(10);
      producer.abort();
      expect(ring.stats()).toMatchObject({
        written: count,
        read: 3,
        recordsWaiting: count - 3,
        abandoned: 0,
        aborted: 1,
        full: 1,
        producers: 1,
        consumers: 1,
      });
    });

    test('tell the bytes that wait: at least the payloads, at most the capacity', () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite(Buffer.alloc(1000));
      expect(ring.stats().bytesWaiting).toBeGreaterThanOrEqual(1000);
      expect(ring.stats().bytesWaiting).toBeLessThanOrEqual(span(1000));
      fillUp(producer);
      expect(ring.stats().bytesWaiting).toBeLessThanOrEqual(capacity);
      consumer.drain(() => {});
      expect(ring.stats().bytesWaiting).toBe(0);
    });

    test('are the same through every handle and survive every close', () => {
      const { ring, producer, consumer } = createEnds();
      const other = closing(Ring.open(ring.name));
      const count = fillUp(producer);
      expect(drainStrings(consumer, 2)).toHaveLength(2);
      producer.tryClaim(8);
      producer.close();
      consumer.close();
      const { producers, consumers, ...counts } = ring.stats();
      expect(other.stats()).toEqual({ ...counts, producers, consumers });
      expect(counts).toMatchObject({
        written: count,
        read: 2,
        recordsWaiting: count - 2,
        aborted: 1,
        full: 1,
      });
      ring.close();
      other.close();
      const later = closing(Ring.open(ring.name));
      expect(later.stats()).toMatchObject({ ...counts, producers: 0, consumers: 0 });
      later.producer().tryWrite('one more');
      expect(later.stats()).toMatchObject({ written: count + 1, read: 2 });
    });
  });

  describe('owners', () => {
    test('of a ring that nobody holds are none', () => {
      expect(createRing().owners()).toEqual([]);
    });

    test('tell slot, role, pid, label, life, age and what was written', () => {
      const ring = createRing();
      const before = performance.now();
      const producer = ring.producer({ label: 'the writer' });
      ring.consumer({ label: 'der Leser ü' });
      producer.tryWriteBatch(['1', '2', '3']);
      const owners = ring.owners();
      expect(owners).toHaveLength(2);
      expect(new Set(owners.map(({ slot }) => slot)).size).toBe(2);
      const byRole = (wanted: string): unknown => owners.find(({ role }) => role === wanted);
      expect(byRole('producer')).toMatchObject({
        pid: process.pid,
        label: 'the writer',
        alive: true,
        written: 3,
      });
      expect(byRole('consumer')).toMatchObject({
        pid: process.pid,
        label: 'der Leser ü',
        alive: true,
      });
      for (const { sinceMs, holds } of owners) {
        expect(sinceMs).toBeGreaterThanOrEqual(0);
        expect(sinceMs).toBeLessThanOrEqual(performance.now() - before + 1000);
        expect(holds).toBeUndefined();
      }
    });

    test('that have closed are listed no more', () => {
      const { ring, producer } = createEnds();
      producer.close();
      expect(ring.owners().map(({ role }) => role)).toEqual(['consumer']);
    });

    test('count what each of them wrote, not what the predecessor did', () => {
      const { ring, producer } = createEnds();
      producer.tryWriteBatch(['1', '2']);
      producer.close();
      ring.producer().tryWrite('3');
      expect(ring.owners().find(({ role }) => role === 'producer')?.written).toBe(1);
      expect(ring.stats().written).toBe(3);
    });

    test('count what each consumer released, not what the predecessor did', () => {
      const { ring, producer, consumer } = createEnds();
      const released = (): number | undefined =>
        ring.owners().find(({ role }) => role === 'consumer')?.written;
      producer.tryWriteBatch(['1', '2', '3', '4', '5', '6', '7']);
      expect(drainStrings(consumer, 5)).toHaveLength(5);
      expect(released()).toBe(5);
      consumer.close();
      const successor = ring.consumer();
      expect(released()).toBe(0);
      expect(drainStrings(successor)).toHaveLength(2);
      expect(released()).toBe(2);
      expect(ring.stats().read).toBe(7);
    });

    test('keep a label of any length as far as it fits, never half a character', () => {
      const ring = createRing();
      for (const label of ['', 'x'.repeat(1000), '🙂'.repeat(100), 'é'.repeat(99), 'a\ud800b']) {
        const producer = ring.producer({ label });
        const [owner] = ring.owners();
        expect(Buffer.from(label).toString()).toContain(owner?.label);
        expect(owner?.label.length).toBeGreaterThanOrEqual(Math.min(label.length, 8));
        producer.close();
      }
    });
  });

  describe('inspect', () => {
    test('looks at what waits without consuming', () => {
      const { ring, producer, consumer } = createEnds();
      for (const text of ['gone', 'one', '', 'three']) producer.tryWrite(text);
      consumer.tryRead();
      for (let i = 0; i < 3; i += 1) {
        const seen = [...ring.inspect()];
        expect(seen.map(({ bytes }) => bytes?.toString())).toEqual(['one', '', 'three']);
        expect(seen.map(({ byteLength }) => byteLength)).toEqual([3, 0, 5]);
        expect(new Set(seen.map(({ state }) => state))).toEqual(new Set(['committed']));
      }
      expect(ring.stats()).toMatchObject({ read: 1, recordsWaiting: 3 });
      const positions = [...ring.inspect()].map(({ position }) => position);
      const drained: number[] = [];
      consumer.drain((_, __, ___, position) => void drained.push(position));
      expect(positions).toEqual(drained);
      expect([...ring.inspect()]).toEqual([]);
    });

    test('gives copies that stay what they were', () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('kept');
      const [entry] = ring.inspect();
      consumer.tryRead();
      fillUp(producer);
      expect(entry?.bytes?.toString()).toBe('kept');
    });

    test('does not show an open claim as a committed record', () => {
      const { ring, producer } = createEnds();
      producer.tryWrite('done');
      producer.tryClaim(100);
      const committed = [...ring.inspect()].filter(({ state }) => state === 'committed');
      expect(committed.map(({ bytes }) => bytes?.toString())).toEqual(['done']);
    });

    test('can be asked while the ring goes round and never throws', () => {
      const { ring, producer, consumer } = createEnds();
      for (let i = 0; i < 300; i += 1) {
        producer.tryWrite('x'.repeat(i));
        for (const { position, byteLength } of ring.inspect()) {
          expect(position).toBeGreaterThanOrEqual(0);
          expect(byteLength).toBeLessThanOrEqual(ring.maxRecord);
          if (i % 3 !== 0) consumer.tryRead();
        }
      }
    });
  });

  describe('recover', () => {
    test('of a healthy ring frees nothing and disturbs nobody, also during a claim', () => {
      const { ring, producer, consumer } = createEnds();
      const offset = producer.tryClaim(5);
      const nothing = { slotsFreed: 0, recordsAbandoned: 0, bytesAbandoned: 0 };
      for (let i = 0; i < 50; i += 1) expect(ring.recover()).toEqual(nothing);
      producer.memory.write('alive', offset);
      producer.commit();
      expect(consumer.tryRead()?.toString()).toBe('alive');
      expect(ring.owners()).toHaveLength(2);
    });
  });
});

describe('blockedBy', () => {
  test('is undefined in a ring where nobody can be held up', () => {
    const { producer, consumer } = SPSC.createEnds();
    expect(consumer.blockedBy).toBeUndefined();
    producer.tryClaim(8);
    expect(consumer.blockedBy).toBeUndefined();
  });

  test('names who has claimed the next place of an mpsc ring, and no longer when that is settled', () => {
    const { ring, producer, consumer } = MPSC.createEnds();
    const other = ring.producer({ label: 'in the way' });
    producer.tryWrite('first');
    other.tryClaim(100);
    producer.tryWrite('behind');
    expect(consumer.blockedBy).toBeUndefined();
    expect(drainStrings(consumer)).toEqual(['first']);
    const owner = ring.owners().find(({ label }) => label === 'in the way');
    expect(owner?.holds).toMatchObject({ position: consumer.position, byteLength: 100 });
    expect(consumer.blockedBy).toEqual({
      slot: owner?.slot,
      pid: process.pid,
      label: 'in the way',
      ageMs: expect.any(Number),
      alive: true,
    });
    expect(consumer.waitSync({ timeoutMs: 20 })).toBe('timeout');
    other.commit(4);
    expect(consumer.blockedBy).toBeUndefined();
    expect(consumer.tryRead()?.length).toBe(4);
    expect(drainStrings(consumer)).toEqual(['behind']);
  });
});
