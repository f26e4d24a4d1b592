import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { codeOf } from '../helpers/errors.js';
import { eachKind, SPSC } from '../helpers/kinds.js';
import { closing } from '../helpers/rings.js';

eachKind(({ createEnds, createRing }) => {
  describe('attaching', () => {
    test('a second consumer is BUSY, through whichever handle', () => {
      const ring = createRing();
      const other = closing(Ring.open(ring.name));
      const consumer = ring.consumer();
      expect(codeOf(() => ring.consumer())).toBe('BUSY');
      expect(codeOf(() => other.consumer())).toBe('BUSY');
      consumer.close();
      expect(other.consumer().tryRead()).toBeUndefined();
    });

    test('who was refused has disturbed nobody', () => {
      const { ring, producer, consumer } = createEnds();
      for (let i = 0; i < 100; i += 1) codeOf(() => ring.consumer());
      expect(producer.tryWrite('x')).toBe(true);
      expect(consumer.tryRead()?.toString()).toBe('x');
      expect(ring.stats()).toMatchObject({ producers: 1, consumers: 1 });
      expect(producer.consumerAlive()).toBe(true);
    });

    test('closing any number of descriptors of the segment does not free a held slot', () => {
      const { ring } = createEnds();
      for (let i = 0; i < 20; i += 1) Ring.open(ring.name).close();
      expect(ring.stats()).toMatchObject({ producers: 1, consumers: 1 });
      expect(codeOf(() => ring.consumer())).toBe('BUSY');
    });

    test('a thousand times over leaves every slot free', () => {
      const ring = createRing();
      for (let i = 0; i < 1000; i += 1) {
        const producer = ring.producer();
        const consumer = ring.consumer();
        expect(producer.tryWrite(`${i}`)).toBe(true);
        expect(consumer.tryRead()?.toString()).toBe(`${i}`);
        producer.close();
        consumer.close();
      }
      expect(ring.owners()).toEqual([]);
      expect(ring.stats()).toMatchObject({ written: 1000, read: 1000, producers: 0, consumers: 0 });
    });

    test('a consumer that attaches later gets what was written before', () => {
      const ring = createRing();
      ring.producer().tryWrite('early');
      expect(ring.consumer().tryRead()?.toString()).toBe('early');
    });

    test('a successor goes on where the predecessor stopped', () => {
      const ring = createRing();
      const first = ring.producer();
      first.tryWrite('1');
      first.close();
      ring.producer().tryWrite('2');
      const reader = ring.consumer();
      expect(reader.tryRead()?.toString()).toBe('1');
      const { position } = reader;
      reader.close();
      const next = ring.consumer();
      expect(next.position).toBe(position);
      expect(next.tryRead()?.toString()).toBe('2');
    });
  });

  describe('access: inspect', () => {
    test('looks but cannot attach', () => {
      const { ring, producer } = createEnds();
      producer.tryWrite('seen');
      const tool = closing(Ring.open(ring.name, { access: 'inspect' }));
      expect(tool.id).toBe(ring.id);
      expect(tool.stats()).toEqual(ring.stats());
      expect(tool.owners()).toHaveLength(2);
      expect([...tool.inspect()].map(({ bytes }) => bytes?.toString())).toEqual(['seen']);
      for (const call of [() => tool.producer(), () => tool.consumer(), () => tool.seal()]) {
        expect(codeOf(call)).toMatch(/^(PERMISSION|INVALID_ARGUMENT|UNSUPPORTED)$/);
      }
      expect(ring.stats().recordsWaiting).toBe(1);
    });
  });

  describe('close', () => {
    test('of a handle makes every use of it throw CLOSED, and again is no error', () => {
      const { producer, consumer } = createEnds();
      producer.close();
      consumer.close();
      producer.close();
      consumer.close();
      expect(producer.closed).toBe(true);
      expect(consumer.closed).toBe(true);
      for (const call of [
        () => producer.tryWrite('x'),
        () => producer.tryWriteBatch(['x']),
        () => producer.writeSync('x'),
        () => producer.tryClaim(8),
        () => producer.waitForRoomSync(8),
        () => producer.consumerAlive(),
        () => consumer.tryRead(),
        () => consumer.drain(() => {}),
        () => consumer.drainSync(() => {}),
        () => consumer.peek(),
        () => consumer.waitSync(),
      ]) {
        expect(codeOf(call), String(call)).toBe('CLOSED');
      }
    });

    test('of a ring closes its handles with it', () => {
      const { ring, producer, consumer } = createEnds();
      ring.close();
      ring.close();
      expect([ring.closed, producer.closed, consumer.closed]).toEqual([true, true, true]);
      for (const call of [
        () => producer.tryWrite('x'),
        () => consumer.tryRead(),
        () => ring.producer(),
        () => ring.consumer(),
        () => ring.stats(),
        () => ring.owners(),
        () => ring.seal(),
        () => ring.recover(),
        () => [...ring.inspect()],
      ]) {
        expect(codeOf(call), String(call)).toBe('CLOSED');
      }
    });

    test('of one ring leaves other handles of the same ring alone', () => {
      const ring = createRing();
      const other = closing(Ring.open(ring.name));
      const producer = other.producer();
      ring.close();
      expect(producer.closed).toBe(false);
      expect(producer.tryWrite('x')).toBe(true);
    });

    test('of a producer with an open claim aborts the claim', () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('kept');
      producer.tryClaim(100);
      producer.close();
      expect(ring.stats()).toMatchObject({ written: 1, aborted: 1, abandoned: 0 });
      ring.producer().tryWrite('next');
      expect(consumer.tryRead()?.toString()).toBe('kept');
      expect(consumer.tryRead()?.toString()).toBe('next');
    });

    test('leaves the name, id and capacity readable', () => {
      const { ring } = createEnds();
      const { name, id, capacity } = ring;
      ring.close();
      expect(ring).toMatchObject({ name, id, capacity });
    });
  });
});

describe('attaching to an spsc ring', () => {
  test('a second producer is BUSY, through whichever handle', () => {
    const ring = SPSC.createRing();
    const other = closing(Ring.open(ring.name));
    const producer = ring.producer();
    expect(codeOf(() => ring.producer())).toBe('BUSY');
    expect(codeOf(() => other.producer())).toBe('BUSY');
    producer.close();
    expect(other.producer().tryWrite('x')).toBe(true);
  });

  test('a producer that was refused has disturbed nobody', () => {
    const { ring, producer, consumer } = SPSC.createEnds();
    for (let i = 0; i < 100; i += 1) codeOf(() => ring.producer());
    expect(producer.tryWrite('x')).toBe(true);
    expect(consumer.tryRead()?.toString()).toBe('x');
    expect(ring.stats().producers).toBe(1);
  });
});
