import { describe, expect, test } from 'vitest';
import { codeOf } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { fillUp } from '../helpers/rings.js';

eachKind(({ capacity, span, createEnds, createRing }) => {
  describe('tryRead', () => {
    test('copies one record out and releases it', () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('1');
      producer.tryWrite('2');
      const first = consumer.tryRead();
      expect(ring.stats()).toMatchObject({ read: 1, recordsWaiting: 1 });
      for (let i = 0; i < capacity / 16; i += 1) {
        consumer.tryRead();
        producer.tryWrite('overwritten by now');
      }
      expect(first?.toString()).toBe('1');
    });

    test('alone goes round the ring again and again', () => {
      const { producer, consumer } = createEnds();
      for (let i = 0; i < capacity / 16; i += 1) {
        expect(producer.tryWrite(`${i}`)).toBe(true);
        expect(consumer.tryRead()?.toString()).toBe(`${i}`);
      }
    });

    test('gives a Buffer that is no view of the ring', () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('mine');
      const record = consumer.tryRead() as Buffer;
      expect(Buffer.isBuffer(record)).toBe(true);
      expect(record.buffer).not.toBe(producer.memory.buffer);
      record.fill(0);
      producer.tryWrite('next');
      expect(consumer.tryRead()?.toString()).toBe('next');
    });

    test('of an empty ring is undefined, again and again', () => {
      const { consumer } = createEnds();
      for (let i = 0; i < 10; i += 1) expect(consumer.tryRead()).toBeUndefined();
    });
  });

  describe('position', () => {
    test('is that of the next record, starts at 0 and grows by the space that records take', () => {
      const { producer, consumer } = createEnds();
      expect(consumer.position).toBe(0);
      producer.tryWrite('12345678');
      expect(consumer.position).toBe(0);
      consumer.tryRead();
      expect(consumer.position).toBe(span(8) / 8);
      producer.tryWrite('');
      consumer.tryRead();
      expect(consumer.position).toBe((span(8) + span(0)) / 8);
      producer.tryWrite('123456789');
      consumer.tryRead();
      expect(consumer.position).toBe((span(8) + span(0) + span(9)) / 8);
    });

    test('skips the padding at the end of the buffer', () => {
      const { producer, consumer } = createEnds();
      for (const bytes of [capacity / 2, capacity / 2 - 128]) {
        producer.tryWrite(Buffer.alloc(bytes - 8));
        consumer.tryRead();
      }
      expect(producer.tryWrite(Buffer.alloc(200))).toBe(true);
      consumer.drain((_, start, __, position) => {
        expect(position).toBe(capacity / 8);
        expect(start).toBe(8);
      });
    });

    test('is the one that the successor begins with', () => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('abc');
      consumer.tryRead();
      const { position } = consumer;
      consumer.close();
      expect(ring.consumer().position).toBe(position);
    });
  });

  describe('memory', () => {
    test('of a handle is one stable Buffer of capacity bytes', () => {
      const { ring, producer } = createEnds();
      const { memory } = producer;
      expect(Buffer.isBuffer(memory)).toBe(true);
      expect(memory.length).toBe(ring.capacity);
      fillUp(producer);
      expect(producer.memory).toBe(memory);
    });

    test('of a producer has length 0 after close, also a view that somebody kept', () => {
      const { producer } = createEnds();
      const { memory } = producer;
      const view = memory.subarray(100, 200);
      producer.close();
      expect(memory.length).toBe(0);
      expect(memory.byteLength).toBe(0);
      expect(view.length).toBe(0);
      expect(memory[0]).toBeUndefined();
    });

    test('of a consumer has length 0 after close, also a view that somebody kept', () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('x');
      let kept: Buffer[] = [];
      consumer.drain((memory, start, end) => {
        kept = [memory, memory.subarray(start, end)];
      });
      consumer.close();
      expect(kept.map(({ length }) => length)).toEqual([0, 0]);
    });

    test('of one handle is not taken away by the close of another', () => {
      const { producer, consumer } = createEnds();
      producer.tryWrite('x');
      consumer.close();
      expect(producer.memory.length).toBe(capacity);
      expect(producer.tryWrite('y')).toBe(true);
    });

    test('that was given away by transfer does no harm to the ring', () => {
      const { ring, producer, consumer } = createEnds();
      let gone: Uint8Array | undefined;
      try {
        const { buffer } = producer.memory;
        gone = new Uint8Array(structuredClone(buffer as ArrayBuffer, { transfer: [buffer as ArrayBuffer] }));
      } catch {
        // Refused: as good.
      }
      try {
        producer.tryWrite('x');
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_SHMRING_/) });
      }
      consumer.tryRead();
      ring.close();
      // A page that is not there any more would end the process here.
      expect(gone === undefined || Number.isInteger(gone[0] ?? 0)).toBe(true);
    });

    test('lies at other addresses for each handle, with the same content', () => {
      const ring = createRing();
      const producer = ring.producer();
      const offset = producer.tryClaim(4);
      producer.memory.write('both', offset);
      producer.commit();
      ring.consumer().drain((memory, start, end) => {
        expect(memory).not.toBe(producer.memory);
        expect(memory.toString('latin1', start, end)).toBe('both');
      });
    });
  });

  describe('seal', () => {
    test('is sticky: a write that begins after it throws SEALED, attaching too', () => {
      const { ring, producer } = createEnds();
      producer.tryWrite('before');
      ring.seal();
      ring.seal();
      for (const call of [
        () => producer.tryWrite('x'),
        () => producer.tryWriteBatch(['x']),
        () => producer.writeSync('x'),
        () => producer.tryClaim(8),
      ]) {
        expect(codeOf(call), String(call)).toBe('SEALED');
      }
      expect(ring.stats().written).toBe(1);
      producer.close();
      expect(codeOf(() => ring.producer())).toBe('SEALED');
    });

    test('of a full ring throws SEALED rather than saying full', () => {
      const { ring, producer } = createEnds();
      fillUp(producer);
      ring.seal();
      expect(codeOf(() => producer.tryWrite('x'))).toBe('SEALED');
    });

    test('lets a consumer attach that reads what is left', () => {
      const ring = createRing();
      ring.producer().tryWrite('left');
      ring.seal();
      const consumer = ring.consumer();
      expect(consumer.tryRead()?.toString()).toBe('left');
      expect(consumer.waitSync()).toBe('ended');
    });
  });
});
