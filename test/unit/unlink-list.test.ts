import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { codeOf } from '../helpers/errors.js';
import { closing, createRing, drainStrings } from '../helpers/rings.js';
import { directory, fileOf, freshName, scratchFile } from '../helpers/scratch.js';

const SPSC = { kind: 'spsc', capacity: 4096 } as const;

describe('Ring.unlink', () => {
  test('is false when there is no such ring', () => {
    expect(Ring.unlink(freshName())).toBe(false);
  });

  test('removes the name, and the attached keep theirs', () => {
    const ring = createRing();
    const producer = ring.producer();
    producer.tryWrite('before');
    expect(ring.stale).toBe(false);
    expect(Ring.unlink(ring.name)).toBe(true);
    expect(existsSync(fileOf(ring.name))).toBe(false);
    expect(codeOf(() => Ring.open(ring.name))).toBe('NOT_FOUND');
    expect(Ring.unlink(ring.name)).toBe(false);
    producer.tryWrite('after');
    expect(drainStrings(ring.consumer())).toEqual(['before', 'after']);
    expect(ring.stale).toBe(true);
  });

  test('frees the name for another ring, and the old one is stale', () => {
    const old = createRing();
    Ring.unlink(old.name);
    const successor = closing(Ring.create(old.name, SPSC));
    expect(successor.id).not.toBe(old.id);
    expect(old.stale).toBe(true);
    expect(successor.stale).toBe(false);
    old.producer().tryWrite('to the old one');
    expect(successor.stats().written).toBe(0);
  });
});

describe('ring.unlink', () => {
  test('removes the name of this segment once', () => {
    const ring = createRing();
    expect(ring.unlink()).toBe(true);
    expect(existsSync(fileOf(ring.name))).toBe(false);
    expect(ring.stale).toBe(true);
    expect(ring.unlink()).toBe(false);
  });

  test('never removes a successor under the same name', () => {
    const old = createRing();
    old.unlink();
    const successor = closing(Ring.create(old.name, SPSC));
    expect(old.unlink()).toBe(false);
    expect(successor.stale).toBe(false);
    expect(closing(Ring.open(old.name)).id).toBe(successor.id);
  });
});

describe('lifetime', () => {
  test('persistent: closing never removes the name', () => {
    const ring = createRing();
    ring.close();
    expect(existsSync(fileOf(ring.name))).toBe(true);
    expect(Ring.unlink(ring.name)).toBe(true);
  });

  test('attached: the name goes with the last that detaches, not before', () => {
    const first = createRing({ lifetime: 'attached' });
    const second = closing(Ring.open(first.name));
    const producer = second.producer();
    first.close();
    expect(existsSync(fileOf(first.name))).toBe(true);
    producer.close();
    expect(existsSync(fileOf(first.name))).toBe(true);
    second.close();
    expect(existsSync(fileOf(first.name))).toBe(false);
  });

  test('attached: a successor under the name survives the end of the old segment', () => {
    const old = createRing({ lifetime: 'attached' });
    old.unlink();
    const successor = closing(Ring.create(old.name, SPSC));
    old.close();
    expect(successor.stale).toBe(false);
    expect(existsSync(fileOf(old.name))).toBe(true);
  });

  test('a temporary ring has a unique name that is gone after the last close', () => {
    const rings = Array.from({ length: 20 }, () => closing(Ring.temporary(SPSC)));
    expect(new Set(rings.map(({ name }) => name)).size).toBe(20);
    const [ring] = rings as [Ring];
    const other = closing(Ring.open(ring.name));
    expect(other.id).toBe(ring.id);
    ring.close();
    expect(existsSync(fileOf(ring.name))).toBe(true);
    other.close();
    expect(existsSync(fileOf(ring.name))).toBe(false);
  });
});

describe('Ring.list', () => {
  test('names every ring of the directory with what it is', () => {
    const place = scratchFile('list');
    mkdirSync(place);
    expect(Ring.list({ directory: place })).toEqual([]);
    const a = closing(Ring.create('a', { ...SPSC, directory: place }));
    const b = closing(Ring.create('b', { ...SPSC, capacity: 8192, share: 'group', directory: place }));
    const infos = Ring.list({ directory: place }).sort((x, y) => (x.name < y.name ? -1 : 1));
    expect(infos).toHaveLength(2);
    const bytesOf = (name: string): number => statSync(`${place}/shmring.${name}`).size;
    expect(infos[0]).toMatchObject({
      name: 'a',
      id: a.id,
      kind: 'spsc',
      capacity: 4096,
      bytes: bytesOf('a'),
      mode: 0o600,
    });
    expect(infos[1]).toMatchObject({ name: 'b', id: b.id, capacity: 8192, mode: 0o660 });
    for (const { error } of infos) expect(error).toBeUndefined();
  });

  test('counts the living owners and takes no slot itself', () => {
    const ring = createRing();
    const infoOf = (): unknown => Ring.list({ directory }).find(({ id }) => id === ring.id);
    expect(infoOf()).toMatchObject({ alive: 0, dead: 0 });
    const producer = ring.producer();
    const consumer = ring.consumer();
    expect(infoOf()).toMatchObject({ alive: 2, dead: 0 });
    producer.close();
    expect(infoOf()).toMatchObject({ alive: 1, dead: 0 });
    consumer.close();
    expect(infoOf()).toMatchObject({ alive: 0, dead: 0 });
  });

  test('tells of what is no ring with an error and goes on', () => {
    const place = scratchFile('list');
    mkdirSync(place);
    writeFileSync(`${place}/shmring.empty`, '');
    writeFileSync(`${place}/shmring.text`, 'not a ring at all');
    writeFileSync(`${place}/unrelated`, 'left out');
    mkdirSync(`${place}/shmring.folder`);
    closing(Ring.create('good', { ...SPSC, directory: place }));
    const infos = Ring.list({ directory: place });
    const errorOf = (name: string): unknown => infos.find((info) => info.name === name)?.error;
    expect(errorOf('good')).toBeUndefined();
    for (const name of ['empty', 'text', 'folder']) {
      expect(errorOf(name), name).toEqual(expect.any(String));
    }
    expect(infos.some(({ name }) => name.includes('unrelated'))).toBe(false);
  });

  test('uses the default directory when none is given', () => {
    const ring = createRing();
    expect(Ring.list().map(({ id }) => id)).toContain(ring.id);
  });
});
