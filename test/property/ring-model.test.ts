import fc from 'fast-check';
import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { type Kind, MPSC, SPSC } from '../helpers/kinds.js';
import { freshName } from '../helpers/scratch.js';
import { seedFor } from '../helpers/seed.js';
import { Contradiction, Model } from './model.js';
import { readCommands } from './read-commands.js';
import { Real } from './real.js';
import { writeCommands } from './write-commands.js';

function agrees(kind: Kind, capacity: number, numRuns: number): void {
  const maxRecord = kind.maxRecord(capacity);
  const all = [...writeCommands(maxRecord), ...readCommands(maxRecord)];
  const seed = seedFor(`an ${kind.kind} ring of ${capacity} bytes against its model`);
  const property = fc.property(fc.commands(all, { maxCommands: 120, size: 'max' }), (commands) => {
    const name = freshName();
    const real = new Real(name, { kind: kind.kind, capacity });
    try {
      fc.modelRun(() => ({ model: new Model(kind, capacity), real }), commands);
    } finally {
      real.ring.close();
      Ring.unlink(name);
    }
  });
  fc.assert(property, { seed, numRuns });
}

describe('any sequence of calls agrees with a plain queue and the arithmetic of its space', () => {
  test.each([
    { kind: SPSC, capacity: 4096, runs: 1200 },
    { kind: SPSC, capacity: 8192, runs: 300 },
    { kind: SPSC, capacity: 65_536, runs: 100 },
    { kind: MPSC, capacity: 65_536, runs: 500 },
    { kind: MPSC, capacity: 131_072, runs: 60 },
  ])('in an $kind.kind ring of $capacity bytes', { timeout: 120_000 }, ({ kind, capacity, runs }) =>
    agrees(kind, capacity, runs),
  );
});

describe('the model', () => {
  const record = (length: number): Buffer => Buffer.alloc(length);

  test('contradicts a refusal when there is room', () => {
    const model = new Model(SPSC, 4096);
    expect(() => model.put([record(4088)], false)).toThrow(Contradiction);
  });

  test('contradicts an acceptance when there is no room', () => {
    const model = new Model(SPSC, 4096);
    model.put([record(4080)], true);
    expect(() => model.put([record(1)], true)).toThrow(Contradiction);
  });

  test('contradicts a refusal after the space has been released', () => {
    const model = new Model(SPSC, 4096);
    model.put([record(4088)], true);
    model.release(1);
    expect(() => model.put([record(1)], false)).toThrow(Contradiction);
  });

  test('contradicts a record that lies elsewhere', () => {
    const model = new Model(SPSC, 4096);
    model.put([record(8)], true);
    model.put([record(8)], true);
    model.seen(1, 2);
    expect(() => model.seen(1, 3)).toThrow(Contradiction);
  });

  test('contradicts padding that is kept from the writer by a reader that found nothing', () => {
    const model = new Model(SPSC, 4096);
    model.put([record(2000)], true);
    model.release(1);
    model.put([record(4000)], false);
    model.foundNothing();
    expect(() => model.put([record(4000)], false)).toThrow(Contradiction);
  });

  test('contradicts a shortened claim of an mpsc ring that gives room back', () => {
    const model = new Model(MPSC, 65_536);
    model.claim(1000, 8);
    model.commit(record(1));
    model.put([record(1)], true);
    expect(() => model.seen(1, 8)).toThrow(Contradiction);
  });

  test('contradicts a reader that finds nothing while something waits', () => {
    const model = new Model(SPSC, 4096);
    model.put([record(0)], true);
    expect(() => model.foundNothing()).toThrow(Contradiction);
  });
});
