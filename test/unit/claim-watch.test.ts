import { setImmediate as turn } from 'node:timers/promises';
import type { Producer } from 'shmring';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MPSC, SPSC } from '../helpers/kinds.js';

const TURNS = 20;

let warnings: Error[] = [];
const listener = (warning: Error): void => {
  if (warning.name === 'ShmringWarning') warnings.push(warning);
};
beforeEach(() => {
  warnings = [];
  process.on('warning', listener);
});
afterEach(() => {
  process.off('warning', listener);
});

async function turns(each: () => void = () => {}): Promise<void> {
  for (let i = 0; i < TURNS; i += 1) {
    each();
    await turn();
  }
}

describe('a claim that is left open past a turn of the event loop', () => {
  test('is warned of once, with a code and what to do', async () => {
    const { producer } = MPSC.createEnds();
    for (let i = 0; i < 3; i += 1) {
      producer.tryClaim(8);
      await turns();
      producer.commit();
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({
      name: 'ShmringWarning',
      code: 'SHMRING_CLAIM_OPEN',
      message: expect.stringContaining('claim'),
      detail: expect.stringMatching(/commit or abort/),
    });
  });

  test('is warned of also when others were closed in time before', async () => {
    const { producer } = MPSC.createEnds();
    await turns(() => {
      producer.tryClaim(8);
      producer.commit();
    });
    producer.tryClaim(8);
    await turns();
    expect(warnings).toHaveLength(1);
  });

  test('does not keep the event loop alive or change the claim', async () => {
    const { producer, consumer } = MPSC.createEnds();
    const offset = producer.tryClaim(4);
    await turns();
    producer.memory.write('fine', offset);
    producer.commit();
    expect(consumer.tryRead()?.toString()).toBe('fine');
  });

  test('of an spsc ring is in nobody’s way and not warned of', async () => {
    const { producer } = SPSC.createEnds();
    producer.tryClaim(8);
    await turns();
    expect(warnings).toEqual([]);
  });

  const IN_TIME: [string, (producer: Producer) => void][] = [
    ['committed', (producer) => producer.commit()],
    ['aborted', (producer) => producer.abort()],
    ['ended by close', (producer) => producer.close()],
  ];
  test.each(IN_TIME)('is not meant: one that is %s in time is not warned of', async (_, end) => {
    const { ring, consumer } = MPSC.createEnds();
    await turns(() => {
      const producer = ring.producer();
      for (let i = 0; i < 10 && !producer.closed; i += 1) {
        producer.tryClaim(8);
        end(producer);
      }
      producer.close();
      consumer.drain(() => {});
    });
    await turns();
    expect(warnings).toEqual([]);
  });
});
