// What a ring costs a process: what it maps, what of it a core dump would have, what V8 is told of.
import { readFileSync, statSync } from 'node:fs';
import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { closing } from '../helpers/rings.js';
import { fileOf, freshName } from '../helpers/scratch.js';

const capacity = 16 << 20;
/** Of what lies before the data, and of what else a process allocates meanwhile. */
const LITTLE = capacity / 4;

interface Mapped {
  bytes: number;
  flags: string[];
}

const inodeOf = (ring: Ring): number => statSync(fileOf(ring.name)).ino;

/** This process's mappings of a file: by its number, as a creator's have the name that it had at first. */
function mappingsOf(inode: number): Mapped[] {
  const smaps = readFileSync('/proc/self/smaps', 'latin1').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const its = smaps.filter((text) => Number(text.split(/\s+/, 5)[4]) === inode);
  return its.map((text) => ({
    bytes: Number(/^Size:\s+(\d+) kB/m.exec(text)?.[1]) * 1024,
    flags: /^VmFlags: (.*)$/m.exec(text)?.[1]?.trim().split(' ') ?? [],
  }));
}

/** How many of them have the data, too. */
const whole = (inode: number) => mappingsOf(inode).filter(({ bytes }) => bytes >= capacity).length;

describe.each(['spsc', 'mpsc'] as const)('a ring of kind %s', (kind) => {
  const create = () => closing(Ring.create(freshName(), { kind, capacity }));

  test.each(['with its name', 'unlinked'])('%s enters no core dump and no forked child', (how) => {
    const ring = create();
    const inode = inodeOf(ring);
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const inspector = closing(Ring.open(ring.name, { access: 'inspect' }));
    for (const one of [ring, inspector]) expect([...one.inspect()]).toEqual([]);
    if (how === 'unlinked') ring.unlink();
    // Its own, the producer's, the consumer's, each lock's page, and the looks of two.
    const mappings = mappingsOf(inode);
    expect(mappings.length).toBeGreaterThanOrEqual(8);
    for (const { flags } of mappings) expect(flags).toEqual(expect.arrayContaining(['dd', 'dc']));
    producer.close();
    consumer.close();
  });

  test('is mapped once by each handle, and by those who look at its records', () => {
    const created = create();
    const inode = inodeOf(created);
    const ring = closing(Ring.open(created.name));
    expect(ring.stats()).toMatchObject({ written: 0 });
    ring.recover();
    // The creator's, which its first handle would take over.
    const before = whole(inode);
    expect(before).toBe(1);
    const producer = ring.producer();
    expect(whole(inode) - before).toBe(1);
    const consumer = ring.consumer();
    expect(whole(inode) - before).toBe(2);
    for (let i = 0; i < 3; i++) expect([...ring.inspect()]).toEqual([]);
    expect(whole(inode) - before).toBe(3);
    producer.close();
    consumer.close();
    expect(whole(inode) - before).toBe(1);
    ring.close();
    expect(whole(inode) - before).toBe(0);
  });

  test("is mapped once in all by a creator with one handle, and not at all after that one's end", () => {
    const ring = create();
    const inode = inodeOf(ring);
    const producer = ring.producer();
    expect(whole(inode)).toBe(1);
    producer.close();
    expect(whole(inode)).toBe(0);
  });

  test('counts as external memory once a handle, and once more an spsc producer, until that is closed', () => {
    const { external } = process.memoryUsage();
    const more = () => process.memoryUsage().external - external;
    const ring = create();
    expect(more()).toBeLessThan(LITTLE);
    const consumer = ring.consumer();
    expect(Math.abs(more() - capacity)).toBeLessThan(LITTLE);
    const producer = ring.producer();
    const views = kind === 'spsc' ? 3 : 2;
    expect(Math.abs(more() - views * capacity)).toBeLessThan(LITTLE);
    producer.close();
    consumer.close();
    expect(more()).toBeLessThan(LITTLE);
  });
});
