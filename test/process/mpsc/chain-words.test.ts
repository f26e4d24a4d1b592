import { RingError } from 'shmring';
import { describe, expect, test } from 'vitest';
import { chainWord, overwrite, recordHeader } from '../../helpers/damage.js';
import { PLACES } from '../../helpers/dice.mjs';
import { codeOf, thrown } from '../../helpers/errors.js';
import { MPSC } from '../../helpers/kinds.js';
import { PATIENCE_MS } from '../../helpers/time.js';

describe('a word of the chain', () => {
  const { chain, data, slots, capacity } = PLACES.mpsc;

  test.each([
    ['of an owner that there is not', chain, chainWord(0n, slots, 2, 1), chain],
    ['of no granules', chain, chainWord(0n, 1, 0, 1), chain],
    ['past the end', chain, chainWord(0n, 1, capacity / 64 + 1, 1), chain],
    ['of a lap to come', chain, chainWord(0n, 1, 2, 1, 1n), chain],
    ['of less than its record', chain, chainWord(0n, 1, 1, 1), data],
    ['over a header with a wrong check', data, recordHeader(0n, 100n) ^ (1n << 63n), data],
    ['over a header of padding', data, recordHeader(0n, 100n, true), data],
  ])('%s is CORRUPT for this consumer alone, for good', (_, at, word, found) => {
    const { ring, producer, consumer } = MPSC.createEnds();
    producer.tryWrite('x'.repeat(100));
    const right = at === data ? recordHeader(0n, 100n) : chainWord(0n, 1, 2, 1);
    overwrite(ring.name, at, word);
    const error = thrown(() => consumer.drain(() => {})) as RingError;
    expect(error).toBeInstanceOf(RingError);
    expect(error).toMatchObject({ code: 'ERR_SHMRING_CORRUPT', offset: found });
    overwrite(ring.name, at, right);
    for (const call of [() => consumer.tryRead(), () => consumer.waitSync({ timeoutMs: 0 })]) {
      expect(codeOf(call)).toBe('CORRUPT');
    }
    expect(codeOf(() => ring.consumer())).toBe('BUSY');
    expect(producer.tryWrite('more')).toBe(true);
    consumer.close();
    const successor = ring.consumer();
    expect([successor.tryRead()?.length, successor.tryRead()?.toString()]).toEqual([100, 'more']);
  });

  test.each([0, 1, 2, 3])('of the lap before, in state %i, is nothing there', (state) => {
    const { ring, producer, consumer } = MPSC.createEnds();
    while (producer.tryWrite('x'.repeat(100)));
    while (consumer.tryRead() !== undefined);
    const second = BigInt(capacity);
    expect(consumer.position).toBe(capacity / 8);
    overwrite(ring.name, chain, chainWord(second, 1, 1, state, -1n));
    expect(consumer.tryRead()).toBeUndefined();
    expect(consumer.blockedBy).toBeUndefined();
    expect(producer.tryWrite('fits')).toBe(true);
    expect(consumer.tryRead()?.toString()).toBe('fits');
  });

  test('that says reserved by a slot which nobody holds is passed as that of a dead owner', () => {
    const { ring, producer, consumer } = MPSC.createEnds();
    overwrite(ring.name, chain, chainWord(0n, 200, 3, 0));
    expect(producer.tryWrite('behind')).toBe(true);
    expect(consumer.waitSync({ timeoutMs: PATIENCE_MS })).toBe('ready');
    expect(consumer.position).toBe((3 * 64) / 8);
    expect(consumer.tryRead()?.toString()).toBe('behind');
    expect(ring.stats()).toMatchObject({ written: 1, read: 1, abandoned: 1 });
  });
});
