import { closeSync, openSync, renameSync } from 'node:fs';
import { type Producer, RingError } from 'shmring';
import { describe, expect, test } from 'vitest';
import { type Child, start } from '../helpers/children.js';
import {
  CONSUMER_SLOT,
  DATA,
  HEAD,
  overwrite,
  PRODUCER_SLOT,
  recordHeader,
  TAIL,
} from '../helpers/damage.js';
import { damage, diceFrom } from '../helpers/dice.mjs';
import { codeOf, thrown } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { closing, createEnds, createRing } from '../helpers/rings.js';
import { fileOf } from '../helpers/scratch.js';
import { seedFor } from '../helpers/seed.js';
import { sleep } from '../helpers/time.js';

const PATIENCE_MS = 120_000;

function fill(producer: Producer): void {
  for (let i = 0; i < 12; i += 1) producer.tryWrite('r'.repeat((i * 37) % 400));
}

/** The case that a child was at last, by what it has said. */
async function lastCase(child: Child): Promise<number | undefined> {
  let last: number | undefined;
  for (;;) {
    try {
      last = (await child.message('case', 100)).number;
    } catch {
      return last;
    }
  }
}

/** How often a child got each answer; fails when it ended by a signal, by a foreign error or not at all. */
async function tallyOf(child: Child): Promise<Record<string, number>> {
  try {
    const { tally } = await child.message('done', PATIENCE_MS);
    await child.finished();
    return tally;
  } catch (error) {
    throw new Error(`in case ${await lastCase(child)}`, { cause: error });
  }
}

eachKind(({ kind, createEnds, createRing }) =>
  describe('damage anywhere in the file', () => {
    test('before a ring is opened: every call answers, or throws a RingError', async () => {
      const seed = seedFor('damaged before');
      const { ring, producer, consumer } = createEnds();
      for (let lap = 0; lap < 4; lap += 1) {
        fill(producer);
        consumer.drain(() => {}, 9);
      }
      ring.close();
      const file = fileOf(ring.name);
      const child = start('damaged', { name: ring.name, kind, file, seed, cases: 500 });
      const tally = await tallyOf(child);
      for (const met of ['opened', 'written', 'record', 'flush', 'wait', 'ERR_SHMRING_CORRUPT']) {
        expect(tally[met], met).toBeGreaterThan(0);
      }
    });

    test('at any time while others use it: they answer, or throw a RingError', async () => {
      const dice = diceFrom(seedFor('damaged meanwhile'));
      const { name } = createRing();
      const users = [start('damaged', { name, kind }), start('damaged', { name, kind })];
      await Promise.all(users.map((user) => user.message('ready')));
      for (let round = 0; round < 100; round += 1) {
        await sleep(dice(10));
        const fd = openSync(fileOf(name), 'r+');
        for (let pieces = 1 + dice(30); pieces > 0; pieces -= 1) damage(fd, dice, kind);
        closeSync(fd);
        await sleep(dice(10));
        // A whole ring for the next round.
        const spare = createRing();
        spare.close();
        renameSync(fileOf(spare.name), fileOf(name));
      }
      for (const user of users) user.send({ stop: true });
      for (const user of users) {
        const tally = await tallyOf(user);
        for (const met of ['opened', 'written', 'ERR_SHMRING_CORRUPT']) {
          expect(tally[met], met).toBeGreaterThan(0);
        }
      }
    });
  }),
);

describe('a word that cannot be true', () => {
  const wrong: [what: string, offset: number, word: bigint][] = [
    ['a tail before the head', TAIL, -8n],
    ['an unaligned tail', TAIL, 68n],
    ['a tail beyond the ring', TAIL, 4096n + 72n],
    ['a record past the tail', DATA, recordHeader(0n, 57n)],
    ['a record past the end', DATA, recordHeader(0n, 4089n)],
    ['a record of 2^31 - 1 bytes', DATA, recordHeader(0n, (1n << 31n) - 1n)],
    ['a wrong check', DATA, recordHeader(0n, 56n) ^ (1n << 63n)],
    ['padding that does not end where the buffer does', DATA, recordHeader(0n, 56n, true)],
  ];
  test.each(wrong)(
    '%s is CORRUPT with offset, expected and found, for this consumer alone',
    (_, at, word) => {
      const { ring, producer, consumer } = createEnds();
      producer.tryWrite('x'.repeat(56));
      const right = { [TAIL]: 64n, [DATA]: recordHeader(0n, 56n) }[at] as bigint;
      overwrite(ring.name, at, word);
      const error = thrown(() => consumer.drain(() => {})) as RingError;
      expect(error).toBeInstanceOf(RingError);
      expect(error).toMatchObject({ code: 'ERR_SHMRING_CORRUPT', offset: at });
      expect(error.found).toBe(Number(BigInt.asUintN(64, word)));
      expect(error.expected).toEqual(expect.anything());
      expect(error.message).toContain(String(at));
      // For good, whatever stands there later; and nobody is let in behind it until it is closed.
      overwrite(ring.name, at, right);
      for (const call of [
        () => consumer.tryRead(),
        () => consumer.peek(),
        () => consumer.position,
        () => consumer.waitSync({ timeoutMs: 0 }),
        () => consumer.drainSync(() => {}, { timeoutMs: 0 }),
      ]) {
        expect(codeOf(call)).toBe('CORRUPT');
      }
      expect(codeOf(() => ring.consumer())).toBe('BUSY');
      // The producer has not noticed anything.
      expect(producer.tryWrite('more')).toBe(true);
      consumer.close();
      const successor = ring.consumer();
      expect([successor.tryRead()?.length, successor.tryRead()?.toString()]).toEqual([56, 'more']);
    },
  );

  test.each([
    ['before the stream', -8n],
    ['unaligned', 4n],
    ['past the tail', 4104n],
  ])('a head %s is CORRUPT for the producer alone, and what was written stays', (_, word) => {
    const { ring, producer, consumer } = createEnds();
    while (producer.tryWrite('x'.repeat(56)));
    overwrite(ring.name, HEAD, word);
    const error = thrown(() => producer.tryWrite('y')) as RingError;
    expect(error).toMatchObject({ code: 'ERR_SHMRING_CORRUPT', offset: HEAD });
    overwrite(ring.name, HEAD, 0n);
    for (const call of [() => producer.tryWrite(''), () => producer.tryClaim(8), () => producer.commit()]) {
      expect(codeOf(call)).toBe('CORRUPT');
    }
    expect(consumer.drain(() => {})).toBe(64);
    expect(ring.producer().tryWrite('z')).toBe(true);
    expect(consumer.tryRead()?.toString()).toBe('z');
  });

  test.each([
    ['consumer', CONSUMER_SLOT],
    ['producer', PRODUCER_SLOT],
  ] as const)('a state that no slot has keeps the %s out, and the other side goes on', (role, at) => {
    const ring = createRing();
    const other = role === 'consumer' ? ring.producer() : ring.consumer();
    overwrite(ring.name, at, 0x1_03n);
    for (const call of [() => ring[role](), () => ring.owners(), () => ring.stats(), () => ring.recover()]) {
      expect(thrown(call)).toMatchObject({ code: 'ERR_SHMRING_CORRUPT', offset: at, found: 3 });
    }
    if ('tryWrite' in other) expect(other.tryWrite('x')).toBe(true);
    else expect(other.tryRead()).toBeUndefined();
    overwrite(ring.name, at, 0n);
    expect(closing(ring)[role]().closed).toBe(false);
  });
});
