import { closeSync, openSync, writeSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eachKind, type Kind } from '../helpers/kinds.js';
import { fileOf } from '../helpers/scratch.js';
import { sleep } from '../helpers/time.js';

const HOUR = 3_600_000;
/** Of the consumer's slot and the first producer's, and in each: taken at, and the claim's time. docs/format.md. */
const SLOTS = [5120, 5632];
const TIMES_OF_DAY = [24, 416];

/** To a reader, a step of the clock looks as if what was written before said another time of day. */
function putTimesOfDay(name: string, time: number): void {
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(BigInt(time));
  const file = openSync(fileOf(name), 'r+');
  for (const slot of SLOTS) for (const at of TIMES_OF_DAY) writeSync(file, word, 0, 8, slot + at);
  closeSync(file);
}

eachKind((kind: Kind) => {
  test.each([HOUR, -HOUR])('ages stay right when the clock is set by %i ms', async (step) => {
    const begin = performance.now();
    const { ring, producer, consumer } = kind.createEnds();
    producer.tryClaim(8);
    const claimed = performance.now();
    const met = consumer.blockedBy;
    putTimesOfDay(ring.name, Date.now() - step);
    await sleep(20);
    const least = Math.floor(performance.now() - claimed) - 1;
    const owners = ring.owners();
    const ages = [
      ...owners.map(({ sinceMs }) => sinceMs),
      ...owners.flatMap(({ holds }) => holds?.ageMs ?? []),
      ...(met === undefined ? [] : [consumer.blockedBy?.ageMs ?? -1]),
    ];
    const most = performance.now() - begin + 1;
    expect(ages).toHaveLength(kind.kind === 'mpsc' ? 4 : 3);
    for (const age of ages) {
      expect(age).toBeGreaterThanOrEqual(least);
      expect(age).toBeLessThanOrEqual(most);
    }
    producer.abort();
  });
});
