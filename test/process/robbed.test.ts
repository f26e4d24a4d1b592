import { closeSync, fstatSync, openSync, readdirSync, statSync } from 'node:fs';
import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { Actor, actorAt } from '../helpers/actor.js';
import { codeOf, thrown } from '../helpers/errors.js';
import { createEnds, createRing, drainStrings } from '../helpers/rings.js';
import { fileOf } from '../helpers/scratch.js';
import { randomFrom, seedFor } from '../helpers/seed.js';

/** Numbers of the descriptors of this process that lead to the file with this inode. */
function numbersOf(inode: number): number[] {
  const leads = (number: string) => {
    try {
      return fstatSync(Number(number)).ino === inode;
    } catch {
      return false;
    }
  };
  return readdirSync('/proc/self/fd').filter(leads).map(Number);
}

/** Closes every descriptor of a ring's file, and gives their numbers to other files. */
function rob(inode: number): number[] {
  const numbers = numbersOf(inode);
  expect(numbers.length).toBeGreaterThan(0);
  for (const number of numbers) closeSync(number);
  return numbers.map(() => openSync('/dev/null', 'r'));
}

describe('a process whose code closes descriptors that are not its own', () => {
  test('keeps its ring, its ends and what they hold, and loses no file of its own', async () => {
    const { ring, producer, consumer } = createEnds();
    const other = await actorAt(ring.name);
    const { ino } = statSync(fileOf(ring.name));
    const strangers = rob(ino);
    try {
      expect(await other.do('producer')).toMatchObject({ code: 'BUSY' });
      expect(await other.do('consumer')).toMatchObject({ code: 'BUSY' });
      expect(await other.do('recover')).toMatchObject({ slotsFreed: 0 });
      expect(producer.tryWrite('a')).toBe(true);
      expect(producer.consumerAlive()).toBe(true);
      expect(drainStrings(consumer)).toEqual(['a']);
      expect(ring.owners().map(({ alive }) => alive)).toEqual([true, true]);
      expect(ring.stats()).toMatchObject({ producers: 1, consumers: 1, written: 1, read: 1 });
      expect(ring.recover().slotsFreed).toBe(0);
      producer.close();
      expect(ring.producer().tryWrite('b')).toBe(true);
      strangers.push(...rob(ino));
      ring.close();
      expect(await other.do('consumer')).not.toHaveProperty('code');
      expect((await other.do('drain')).records).toEqual([[2, 'b']]);
      expect(numbersOf(ino)).toEqual([]);
      for (const number of strangers) expect(fstatSync(number).isCharacterDevice()).toBe(true);
    } finally {
      for (const number of strangers) closeSync(number);
    }
  });

  test('is told so where the ring cannot be opened again, and its ends go on', () => {
    const { ring, producer, consumer } = createEnds();
    const strangers = rob(statSync(fileOf(ring.name)).ino);
    try {
      Ring.unlink(ring.name);
      const error = thrown(() => ring.owners());
      expect(error).toMatchObject({ code: 'ERR_SHMRING_SYSTEM', message: /closed by other code/ });
      expect(codeOf(() => ring.recover())).toBe('SYSTEM');
      expect(ring.stale).toBe(true);
      expect(producer.tryWrite('x')).toBe(true);
      expect(drainStrings(consumer)).toEqual(['x']);
    } finally {
      for (const number of strangers) closeSync(number);
    }
  });
});

describe('recover() by a process that holds something itself', () => {
  test('leaves its claim, its batch and its slots alone', () => {
    const { ring, producer, consumer } = createEnds();
    producer.tryWriteBatch(['a', 'b']);
    using batch = consumer.peek(1);
    const offset = producer.tryClaim(5);
    expect(ring.recover()).toEqual({ slotsFreed: 0, recordsAbandoned: 0, bytesAbandoned: 0 });
    producer.memory.write('later', offset);
    producer.commit();
    batch?.release();
    expect(drainStrings(consumer)).toEqual(['b', 'later']);
  });

  test('frees the slot of the dead beside its own', async () => {
    const ring = createRing();
    const producer = ring.producer();
    producer.tryClaim(100);
    const consumer = await actorAt(ring.name, 'consumer');
    await consumer.child.murder();
    expect(ring.recover().slotsFreed).toBe(1);
    expect(ring.owners()).toMatchObject([{ role: 'producer', alive: true, pid: process.pid }]);
    producer.commit();
  });
});

describe('a process that is stopped while it looks at others', () => {
  test('keeps nobody from attaching, detaching and dying', async () => {
    const random = randomFrom(seedFor('a stopped prober'));
    const ring = createRing();
    const prober = await actorAt(ring.name);
    await prober.begin('probe', { forMs: 600_000 });
    for (let round = 0; round < 40; round += 1) {
      prober.child.kill('SIGSTOP');
      for (const end of [ring.producer(), ring.consumer()]) end.close();
      expect(ring.recover().slotsFreed).toBe(0);
      prober.child.kill('SIGCONT');
      await new Promise((resolve) => setTimeout(resolve, random() * 4));
    }
    prober.child.kill('SIGSTOP');
    const producer = await actorAt(ring.name, 'producer');
    await producer.child.murder();
    expect(ring.owners()).toMatchObject([{ alive: false }]);
    expect(await new Actor(ring.name).do('open')).not.toHaveProperty('code');
    ring.producer().close();
  });
});
