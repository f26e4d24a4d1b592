// Who waits for room that only its own thread could make would wait for ever, and no signal would be heard.
import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { start } from '../helpers/children.js';
import { codeOf } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { closing, fillUp } from '../helpers/rings.js';

eachKind(({ createRing, createEnds }) => {
  const RECORD = Buffer.alloc(56);

  /** A full ring with both ends in this thread, of one Ring object or of two. */
  function full(objects: 'one' | 'two') {
    const ring = createRing();
    const producer = (objects === 'one' ? ring : closing(Ring.open(ring.name))).producer();
    const consumer = ring.consumer();
    fillUp(producer);
    return { ring, producer, consumer };
  }

  describe.each(['one', 'two'] as const)(
    'on a full ring that its own thread reads, by %s Ring object(s),',
    (objects) => {
      const WAITS: [string, (ends: ReturnType<typeof full>) => unknown][] = [
        ['writeSync', ({ producer }) => producer.writeSync(RECORD)],
        ['writeSync of a string', ({ producer }) => producer.writeSync('x'.repeat(56))],
        [
          'writeSync with requireConsumer',
          ({ producer }) => producer.writeSync(RECORD, { requireConsumer: true }),
        ],
        ['waitForRoomSync', ({ producer }) => producer.waitForRoomSync(56)],
        [
          'writeSync in a handler',
          ({ producer, consumer }) =>
            consumer.drain(() => {
              producer.writeSync(RECORD);
            }),
        ],
        [
          'writeSync beside a batch',
          ({ producer, consumer }) => {
            using _batch = consumer.peek();
            producer.writeSync(RECORD);
          },
        ],
      ];
      test.each(WAITS)('%s is refused and changes nothing', (_, wait) => {
        const ends = full(objects);
        const before = ends.ring.stats();
        expect(codeOf(() => wait(ends))).toBe('REENTRANT');
        expect(ends.ring.stats()).toMatchObject({ written: before.written, read: 0 });
        expect(ends.consumer.tryRead()).toBeInstanceOf(Buffer);
        if (objects === 'one') while (ends.consumer.drain(() => {}) > 0);
        else ends.consumer.close();
      });

      test('one that waits for some time is answered, and one after a read goes on', () => {
        const { producer, consumer } = full(objects);
        expect(producer.writeSync(RECORD, { timeoutMs: 0 })).toBe(false);
        expect(producer.waitForRoomSync(56, { timeoutMs: 0 })).toBe('timeout');
        expect(producer.writeSync(RECORD, { timeoutMs: 20 })).toBe(false);
        expect(producer.waitForRoomSync(56, { timeoutMs: 20 })).toBe('timeout');
        while (consumer.drain(() => {}) > 0);
        expect(producer.waitForRoomSync(56)).toBe('ready');
        expect(producer.writeSync(RECORD)).toBe(true);
      });
    },
  );

  test('a wait for the place of a consumer of this very thread is refused', () => {
    const { ring, producer, consumer } = createEnds();
    const other = closing(Ring.open(ring.name));
    for (const from of [ring, other]) {
      expect(codeOf(() => from.consumerWhenFreeSync())).toBe('REENTRANT');
      for (const timeoutMs of [0, 20]) expect(from.consumerWhenFreeSync({ timeoutMs })).toBeUndefined();
    }
    producer.tryWrite('x');
    const inside = () => void ring.consumerWhenFreeSync();
    expect(codeOf(() => consumer.drain(inside))).toBe('REENTRANT');
    expect(consumer.tryRead()?.toString()).toBe('x');
  });

  test('another process that reads is waited for, whatever this thread has read before', async () => {
    const ring = createRing();
    const producer = ring.producer();
    const mine = ring.consumer();
    fillUp(producer);
    mine.close();
    expect(producer.writeSync(RECORD, { timeoutMs: 5 })).toBe(false);
    const child = start('consumer', { name: ring.name });
    expect(producer.writeSync(RECORD)).toBe(true);
    ring.seal();
    await child.exited;
  });

  test('what waits without blocking is done once this thread has read', async () => {
    const { producer, consumer } = full('one');
    const write = producer.write(RECORD);
    const room = producer.waitForRoom(56);
    consumer.drain(() => {}, 3);
    expect(await write).toBe(true);
    expect(await room).toBe('ready');
  });
});
