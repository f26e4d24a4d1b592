import { describe, expect, test } from 'vitest';
import { start } from '../helpers/children.js';
import { MPSC } from '../helpers/kinds.js';
import { createRing } from '../helpers/rings.js';

describe('a handle that was dropped without closing', () => {
  test.each(['producer', 'claim', 'consumer', 'ring', 'temporary'])(
    'is closed when it is collected: %s',
    async (what) => {
      const ring = createRing();
      const child = start('collected', { name: ring.name, what }, ['--expose-gc']);
      expect(await child.message('dropped')).toMatchObject({ goneAtOnce: false });
      expect(await child.message('collected')).toMatchObject({ gone: true });
      await child.finished();
      if (what === 'claim') expect(ring.stats()).toMatchObject({ written: 0, aborted: 1 });
      if (what === 'producer') {
        const consumer = ring.consumer({ endWhen: 'no-producers' });
        expect(consumer.tryRead()?.toString()).toBe('x');
        // Closed when collected, not dead with its process.
        expect(consumer.ended).toBe('no-producers');
      }
    },
  );

  test('lets through, when it is collected, what waited behind its claim in an mpsc ring', async () => {
    const { ring, producer, consumer } = MPSC.createEnds();
    const child = start('collected', { name: ring.name, what: 'claimOfMany' }, ['--expose-gc']);
    expect(await child.message('dropped')).toMatchObject({ goneAtOnce: false });
    producer.tryWrite('behind');
    expect(await child.message('collected')).toMatchObject({ gone: true });
    await child.finished();
    expect(consumer.tryRead()?.toString()).toBe('behind');
    expect(ring.stats()).toMatchObject({ written: 1, aborted: 1, abandoned: 0, bytesWaiting: 0 });
  });

  test('is not closed while it is used, though its ring was dropped', async () => {
    const child = start('collected', { name: createRing().name, what: 'ringInUse' }, ['--expose-gc']);
    expect(await child.message('kept')).toMatchObject({ written: true, named: true });
    await child.finished();
  });
});
