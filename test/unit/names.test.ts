import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { codeOf } from '../helpers/errors.js';
import { closing } from '../helpers/rings.js';
import { directory } from '../helpers/scratch.js';

const GOOD = ['a', 'Z9', 'a.b', 'a-b_c', '0', '-', '_', 'a.', 'x'.repeat(200)];
const BAD: [string, unknown][] = [
  ['the empty string', ''],
  ['201 characters', 'x'.repeat(201)],
  ['300 characters', 'x'.repeat(300)],
  ['a leading dot', '.hidden'],
  ['two dots', '..'],
  ['a slash', 'a/b'],
  ['a way upwards', '../escape'],
  ['NUL', 'a\0b'],
  ['a space', 'a b'],
  ['a newline', 'a\n'],
  ['an umlaut', 'ä'],
  ['an emoji', '🙂'],
  ['a lone surrogate', 'a\ud800'],
  ['a full-width letter', 'ａ'],
  ['nothing', undefined],
  ['null', null],
  ['a number', 7],
  ['an object with toString', { toString: () => 'a' }],
  ['a String object', Object('a')],
  ['an array', ['a']],
  ['a symbol', Symbol('a')],
];

const CALLS: [string, (name: string) => unknown][] = [
  ['create', (name) => Ring.create(name, { kind: 'spsc', capacity: 4096 })],
  ['open', (name) => Ring.open(name)],
  ['openOrCreate', (name) => Ring.openOrCreate(name, { kind: 'spsc', capacity: 4096 })],
  ['unlink', (name) => Ring.unlink(name)],
];

describe('a name', () => {
  test.each(GOOD)('of letters, digits, dots, dashes and underscores is taken: %s', (name) => {
    const ring = closing(Ring.create(name, { kind: 'spsc', capacity: 4096 }));
    expect(ring.name).toBe(name);
    expect(closing(Ring.open(name)).id).toBe(ring.id);
    expect(Ring.unlink(name)).toBe(true);
  });

  for (const [call, action] of CALLS) {
    test.each(BAD)(`given to ${call} that is %s is refused with INVALID_ARGUMENT`, (_, name) => {
      expect(codeOf(() => action(name as string))).toBe('INVALID_ARGUMENT');
    });
  }

  test('that was refused has left nothing in the directory', () => {
    for (const [, name] of BAD) {
      codeOf(() => Ring.create(name as string, { kind: 'spsc', capacity: 4096 }));
    }
    expect(Ring.list({ directory })).toEqual([]);
  });
});

test('an empty SHMRING_DIR counts as not set', () => {
  const before = process.env.SHMRING_DIR;
  try {
    process.env.SHMRING_DIR = '';
    const ring = closing(Ring.temporary({ kind: 'spsc', capacity: 4096 }));
    expect(Ring.list({ directory: '/dev/shm' }).map(({ name }) => name)).toContain(ring.name);
  } finally {
    process.env.SHMRING_DIR = before;
  }
});
