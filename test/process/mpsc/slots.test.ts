import { describe, expect, test } from 'vitest';
import { crowdAt, MOST_PRODUCERS } from '../../helpers/crowd.js';
import { codeOf } from '../../helpers/errors.js';
import { MPSC } from '../../helpers/kinds.js';
import { fillUp } from '../../helpers/rings.js';
import { until } from '../../helpers/time.js';

const { createRing } = MPSC;
const CAPACITY = 1 << 20;
/** Processes that are killed with every slot taken: so often each is taken from a dead owner, but once. */
const DEAD_CROWDS = 8;

describe('the slots of producers', () => {
  test(`are ${MOST_PRODUCERS}: the next one is BUSY, here and elsewhere, until one closes`, async () => {
    const ring = createRing();
    const consumer = ring.consumer();
    const here = Array.from({ length: 100 }, () => ring.producer());
    const { child, said } = await crowdAt(ring.name, MOST_PRODUCERS);
    expect(said).toMatchObject({ producers: 154, code: 'BUSY', written: 154 });
    expect(codeOf(() => ring.producer())).toBe('BUSY');
    expect(ring.stats()).toMatchObject({ producers: MOST_PRODUCERS, consumers: 1 });
    expect(new Set(ring.owners().map(({ slot }) => slot)).size).toBe(MOST_PRODUCERS + 1);
    // Each of them writes, and what they write is one stream.
    for (const [i, producer] of here.entries()) expect(producer.tryWrite(`${i}`)).toBe(true);
    expect(consumer.drain(() => {})).toBe(MOST_PRODUCERS);

    here[50]?.close();
    const { child: one, said: itSaid } = await crowdAt(ring.name, 2);
    expect(itSaid).toMatchObject({ producers: 1, code: 'BUSY', written: 1 });
    child.send({ close: 17 });
    await child.message('closed');
    here.push(ring.producer());
    expect(here.at(-1)?.tryWrite('in its place')).toBe(true);
    await one.murder();
    here.push(ring.producer());
    expect(codeOf(() => ring.producer())).toBe('BUSY');
    // None of them was collected meanwhile, which closes it.
    expect(here.filter(({ closed }) => closed)).toHaveLength(1);
  });

  test(`of dead owners, with and without claims, are taken again ${
    (DEAD_CROWDS - 1) * MOST_PRODUCERS
  } times without a leak`, async () => {
    const ring = createRing({ capacity: CAPACITY });
    const consumer = ring.consumer();
    let [written, read, abandoned] = [0, 0, 0];
    for (let i = 0; i < DEAD_CROWDS; i += 1) {
      const claims = i * 36;
      const { child, said } = await crowdAt(ring.name, MOST_PRODUCERS, claims);
      expect(said).toMatchObject({ producers: MOST_PRODUCERS, written: MOST_PRODUCERS, claimed: claims });
      expect(codeOf(() => ring.producer())).toBe('BUSY');
      // Those who live in the slots now do not answer for what the dead before them have left.
      await until(() => {
        read += consumer.drain(() => {});
        return read >= written;
      }, 'the records of those before');
      await child.murder();
      [written, abandoned] = [written + said.written, abandoned + claims];
    }
    expect(ring.recover().slotsFreed).toBe(MOST_PRODUCERS);
    expect(ring.owners()).toMatchObject([{ role: 'consumer' }]);
    await until(() => {
      consumer.drain(() => {});
      return ring.stats().bytesWaiting === 0;
    }, 'the last record');
    expect(ring.stats()).toMatchObject({ written, read: written, abandoned, full: 0, producers: 0 });
    // The whole room is there again, and every slot.
    const producers = Array.from({ length: MOST_PRODUCERS }, () => ring.producer());
    const [first] = producers;
    expect(first && fillUp(first)).toBe(CAPACITY / 64);
    for (const { written: records } of ring.owners().slice(2)) expect(records).toBe(0);
  });
});
