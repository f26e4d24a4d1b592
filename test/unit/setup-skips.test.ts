import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { explain, note, readSkips, SKIPS_FILE, takeOff } from '../../scripts/test/skips.mjs';

let folder = '';
let before: string | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shmring-skips-'));
  before = process.env[SKIPS_FILE];
  process.env[SKIPS_FILE] = join(folder, 'skips');
});

afterEach(() => {
  if (before === undefined) delete process.env[SKIPS_FILE];
  else process.env[SKIPS_FILE] = before;
  rmSync(folder, { recursive: true });
});

const one = { cause: 'mount-tmpfs', runner: 'vitest', test: 'a full tmpfs', detail: 'EPERM' };

describe('skips', () => {
  test('are gathered in a file, whatever their texts hold', () => {
    note(one);
    note({ ...one, detail: 'two\nlines\tand a tab' });
    expect(readSkips(join(folder, 'skips'))).toEqual([one, { ...one, detail: 'two lines and a tab' }]);
  });

  test('none noted is none', () => {
    expect(readSkips(join(folder, 'skips'))).toEqual([]);
  });

  test('are taken off what the runner took for passed', () => {
    expect(takeOff({ passed: 5, failed: 1, skipped: 2 }, 3)).toEqual({ passed: 2, failed: 1, skipped: 5 });
  });

  test('of a known cause are printed with its reason and explained', () => {
    const { lines, unexplained } = explain([one], 1, { 'mount-tmpfs': 'no privileges there' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/a full tmpfs.*mount-tmpfs.*EPERM.*no privileges there/);
    expect(unexplained).toBe(0);
  });

  test('of another cause, even one named like a built-in, are not explained', () => {
    expect(explain([one, { ...one, cause: 'toString' }], 2, {}).unexplained).toBe(2);
  });

  test('that a runner counted and nobody gave a cause for are not explained', () => {
    const { lines, unexplained } = explain([one], 3, { 'mount-tmpfs': 'why' });
    expect(unexplained).toBe(2);
    expect(lines.at(-1)).toContain('2 without a cause');
  });
});
