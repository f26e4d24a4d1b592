import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { NO_FAULTS } from '../helpers/checker.mjs';
import { start } from '../helpers/children.js';
import { flawOf } from '../helpers/record.mjs';
import { closing, createRing } from '../helpers/rings.js';
import { sleep } from '../helpers/time.js';

describe('looking at a ring while two others are busy in it', () => {
  test('shows only whole records in order, plausible counters, and disturbs nobody', async () => {
    const { name } = createRing({ capacity: 16_384 });
    const ring = closing(Ring.open(name, { access: 'inspect' }));
    const consumer = start('consumer', { name, producers: [1] });
    const producer = start('producer', { name, count: 400_000, longest: 512, seal: true });
    await Promise.all([consumer.message('attached'), producer.message('attached')]);
    const finished = consumer.message('done');
    let done = false;
    finished.finally(() => (done = true)).catch(() => {});
    let seen = 0;
    let lastWritten = 0;
    while (!done) {
      for (let i = 0; i < 20; i += 1) {
        let last = -1;
        for (const { position, state, byteLength, bytes } of ring.inspect()) {
          expect(position).toBeGreaterThan(last);
          last = position;
          if (state !== 'committed' || bytes === undefined) continue;
          expect(bytes).toHaveLength(byteLength);
          expect(flawOf(bytes, 0, byteLength)).toBeUndefined();
          seen += 1;
        }
        const { written, read, recordsWaiting, bytesWaiting } = ring.stats();
        expect(written).toBeGreaterThanOrEqual(lastWritten);
        expect(read).toBeLessThanOrEqual(written);
        expect(recordsWaiting).toBeLessThanOrEqual(16_384 / 24);
        expect(bytesWaiting).toBeLessThanOrEqual(16_384);
        lastWritten = written;
      }
      await sleep(0);
    }
    expect(await finished).toMatchObject({ verdict: NO_FAULTS, records: 400_000 });
    expect(seen).toBeGreaterThan(0);
    expect(lastWritten).toBeGreaterThan(0);
  });
});
