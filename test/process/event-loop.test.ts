import { describe, expect, test } from 'vitest';
import { start } from '../helpers/children.js';
import { createRing } from '../helpers/rings.js';

describe('a busy `for await` while the producer never stops', () => {
  test('lets timers through, about once a millisecond of work', async () => {
    const { name } = createRing({ capacity: 1 << 20 });
    const consumer = start('iterate', { name, workMs: 1000 });
    await consumer.message('attached');
    const producer = start('producer', { name, longest: 64 });
    const done = await consumer.message('done', 50_000);
    await producer.murder();
    expect(done.stop).toBe('timer');
    // The loop was busy indeed: otherwise timers have it easy.
    expect(done.records).toBeGreaterThan(100_000);
    expect(done.workedMs).toBeGreaterThan(1000);
    // A timer of 1 ms, asked at least once a millisecond; a fifth, since threads share the cores.
    expect(done.ticks).toBeGreaterThan(done.workedMs / 5);
  });

  test('hears SIGTERM', async () => {
    const { name } = createRing();
    const consumer = start('iterate', { name });
    const producer = start('producer', { name, longest: 64 });
    await consumer.message('flows');
    consumer.kill('SIGTERM');
    expect(await consumer.message('done')).toMatchObject({ stop: 'SIGTERM' });
    await consumer.finished();
    await producer.murder();
  });

  test('of which SIGTERM has no handler ends by it', async () => {
    const ring = createRing();
    const producer = start('producer', { name: ring.name, longest: 64 });
    const consumer = start('consumer', { name: ring.name, mode: 'iterate' });
    await consumer.message('attached');
    await producer.message('attached');
    consumer.kill('SIGTERM');
    expect(await consumer.exited).toEqual({ code: null, signal: 'SIGTERM' });
    expect(ring.consumer().closed).toBe(false);
    await producer.murder();
  });
});
