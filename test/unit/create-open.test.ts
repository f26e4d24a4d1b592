import { mkdirSync, statSync } from 'node:fs';
import { Ring, RingError, supported } from 'shmring';
import { describe, expect, test } from 'vitest';
import { codeOf, thrown } from '../helpers/errors.js';
import { type Kind, MPSC, SPSC } from '../helpers/kinds.js';
import { closing, createRing } from '../helpers/rings.js';
import { fileOf, freshName, scratchFile } from '../helpers/scratch.js';

const SMALL = { kind: 'spsc', capacity: 4096 } as const;

describe('Ring.create', () => {
  test('is supported here', () => {
    expect(supported).toBe(true);
  });

  test('makes a ring that says what it is', () => {
    const name = freshName();
    const ring = closing(Ring.create(name, SMALL));
    expect(ring).toMatchObject({
      name,
      kind: 'spsc',
      capacity: 4096,
      maxRecord: 4088,
      stale: false,
      closed: false,
    });
    expect(ring.id).toMatch(/^\S{16,}$/);
  });

  test('gives each segment an id of its own', () => {
    const ids = new Set(Array.from({ length: 50 }, () => createRing().id));
    expect(ids.size).toBe(50);
  });

  test('of a taken name throws EXISTS and leaves the ring there alone', () => {
    const ring = createRing();
    ring.producer().tryWrite('kept');
    expect(codeOf(() => Ring.create(ring.name, SMALL))).toBe('EXISTS');
    expect(ring.stats().recordsWaiting).toBe(1);
    expect(ring.stale).toBe(false);
  });

  const CAPACITIES: [kind: Kind, asked: number, made: number][] = [
    [SPSC, 4096, 4096],
    [SPSC, 4097, 8192],
    [SPSC, 5000, 8192],
    [SPSC, 65_536, 65_536],
    [SPSC, 100_000, 131_072],
    [SPSC, 1 << 20, 1 << 20],
    [MPSC, 65_536, 65_536],
    [MPSC, 65_537, 131_072],
    [MPSC, 1 << 20, 1 << 20],
    // From here on the largest record of an mpsc ring stays the same.
    [MPSC, 2 << 20, 2 << 20],
    [MPSC, 8_000_000, 8 << 20],
  ];
  test.each(CAPACITIES.map(([kind, asked, made]) => ({ kind, asked, made })))(
    'of kind $kind.kind with a capacity of $asked bytes makes one of $made',
    ({ kind, asked, made }) => {
      const ring = kind.createRing({ capacity: asked });
      expect(ring.capacity).toBe(made);
      expect(ring.maxRecord).toBe(kind.maxRecord(made));
      const producer = ring.producer();
      expect(producer.memory.length).toBe(made);
      expect(producer.tryWrite(Buffer.alloc(ring.maxRecord))).toBe(true);
      expect(codeOf(() => producer.tryWrite(Buffer.alloc(ring.maxRecord + 1)))).toBe('TOO_LARGE');
    },
  );

  test('without a capacity makes one of 1 MiB', () => {
    expect(closing(Ring.create(freshName(), { kind: 'spsc' })).capacity).toBe(1 << 20);
  });

  test('of no kind in particular is an mpsc ring', () => {
    const name = freshName();
    const ring = closing(Ring.create(name));
    expect(ring).toMatchObject({ kind: 'mpsc', capacity: 1 << 20, maxRecord: (1 << 19) - 8 });
    expect(closing(Ring.openOrCreate(name)).id).toBe(ring.id);
    expect(closing(Ring.temporary()).kind).toBe('mpsc');
  });

  test('of another kind than asked for throws MISMATCH', () => {
    const name = freshName();
    closing(Ring.create(name));
    const error = thrown(() => Ring.openOrCreate(name, { kind: 'spsc' }));
    expect(error).toMatchObject({
      code: 'ERR_SHMRING_MISMATCH',
      option: 'kind',
      expected: 'spsc',
      found: 'mpsc',
    });
  });

  test('in a directory that does not exist throws a RingError', () => {
    const directory = `${fileOf(freshName())}/missing`;
    expect(thrown(() => Ring.create('a', { ...SMALL, directory }))).toBeInstanceOf(RingError);
  });

  test.each([
    ['owner', 0o600],
    ['group', 0o660],
  ] as const)('shared with %s has exactly the mode %i despite any umask', (share, mode) => {
    for (const umask of [0o777, 0o022, 0]) {
      const before = process.umask(umask);
      try {
        const ring = createRing({ share });
        expect(statSync(fileOf(ring.name)).mode & 0o7777).toBe(mode);
      } finally {
        process.umask(before);
      }
    }
  });

  test('has all its memory from the beginning', () => {
    const ring = createRing({ capacity: 1 << 20 });
    const { blocks, size } = statSync(fileOf(ring.name));
    expect(size).toBeGreaterThanOrEqual(1 << 20);
    expect(blocks * 512).toBeGreaterThanOrEqual(size);
  });
});

describe('Ring.open', () => {
  test('of a name that nobody has throws NOT_FOUND', () => {
    expect(codeOf(() => Ring.open(freshName()))).toBe('NOT_FOUND');
  });

  test('finds the ring with all that it says of itself', () => {
    const made = createRing({ capacity: 8192 });
    const found = closing(Ring.open(made.name));
    expect(found).not.toBe(made);
    const { name, id, kind, capacity, maxRecord } = made;
    expect(found).toMatchObject({ name, id, kind, capacity, maxRecord });
  });

  test('finds a ring in another directory only when told', () => {
    const name = freshName();
    const elsewhere = scratchFile('d');
    mkdirSync(elsewhere);
    const { id } = closing(Ring.create(name, { ...SMALL, directory: elsewhere }));
    expect(codeOf(() => Ring.open(name))).toBe('NOT_FOUND');
    expect(closing(Ring.open(name, { directory: elsewhere })).id).toBe(id);
  });

  test('of a ring of the group needs share: group', () => {
    const { name, id } = createRing({ share: 'group' });
    expect(thrown(() => Ring.open(name))).toBeInstanceOf(RingError);
    expect(closing(Ring.open(name, { share: 'group' })).id).toBe(id);
  });

  test('two handles of one ring in one process see the same records', () => {
    const one = createRing();
    const two = closing(Ring.open(one.name));
    const producer = one.producer();
    const consumer = two.consumer();
    expect(producer.tryWrite('across')).toBe(true);
    expect(consumer.tryRead()?.toString()).toBe('across');
  });

  test('a record that was written outlives the handles that wrote it', () => {
    const { name } = createRing();
    {
      using first = Ring.open(name);
      first.producer().tryWrite('still here');
    }
    using second = Ring.open(name);
    expect(second.consumer().tryRead()?.toString()).toBe('still here');
  });
});

describe('Ring.openOrCreate', () => {
  test('creates when there is none and opens what there is', () => {
    const name = freshName();
    const first = closing(Ring.openOrCreate(name, SMALL));
    const second = closing(Ring.openOrCreate(name, SMALL));
    expect(second.id).toBe(first.id);
  });

  test('accepts what is there for every option that is omitted', () => {
    const { name, id } = createRing({ capacity: 8192, lifetime: 'attached' });
    expect(closing(Ring.openOrCreate(name, { kind: 'spsc' })).id).toBe(id);
    const found = closing(Ring.openOrCreate(name));
    expect(found).toMatchObject({ id, kind: 'spsc', capacity: 8192 });
  });

  test.each([
    ['capacity', 8192, 8192, 4096],
    ['lifetime', 'attached', 'attached', 'persistent'],
  ])('throws MISMATCH with option %s, expected and found', (option, value, expected, found) => {
    const { name } = createRing();
    const error = thrown(() => Ring.openOrCreate(name, { kind: 'spsc', [option]: value }));
    expect(error).toMatchObject({ code: 'ERR_SHMRING_MISMATCH', option, expected, found });
    expect((error as Error).message).toContain(String(found));
  });

  test('compares the capacity after rounding up', () => {
    const { name, id } = createRing({ capacity: 8192 });
    expect(closing(Ring.openOrCreate(name, { kind: 'spsc', capacity: 5000 })).id).toBe(id);
  });
});

describe('RingError', () => {
  test('is an Error with a code and a sentence', () => {
    const error = thrown(() => Ring.open(freshName())) as RingError;
    expect(error).toBeInstanceOf(RingError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('RingError');
    expect(error.code).toBe('ERR_SHMRING_NOT_FOUND');
    expect(error.message.length).toBeGreaterThan(10);
    expect(error.stack).toContain('create-open.test');
  });
});
