import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  filesBelow,
  readStamp,
  removeStamp,
  sameContents,
  takeStamp,
  writeStamp,
} from '../../scripts/setup/stamp.mjs';

const step = { key: 'linux-x64', inputs: ['src', 'build.rs', 'absent'] };

let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'shmring-stamp-'));
  mkdirSync(join(root, 'src', 'deep'), { recursive: true });
  for (const file of ['src/b.rs', 'src/a.rs', 'src/deep/c.rs', 'build.rs', 'unrelated']) {
    writeFileSync(join(root, file), `contents of ${file}`);
  }
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Whether the step would run again after `change`. */
function isDueAfter(change: () => void): boolean {
  const kept = takeStamp(root, step);
  change();
  return !sameContents(kept, takeStamp(root, step, kept));
}

test('inputs are all files at and below the paths, sorted, without those that do not exist', () => {
  expect(filesBelow(root, step.inputs)).toEqual(['build.rs', 'src/a.rs', 'src/b.rs', 'src/deep/c.rs']);
});

describe('a step is due again', () => {
  test('after an input changed', () => {
    expect(isDueAfter(() => writeFileSync(join(root, 'src/deep/c.rs'), 'longer than it was before'))).toBe(
      true,
    );
  });

  test('after a change that keeps the size', () => {
    expect(isDueAfter(() => writeFileSync(join(root, 'build.rs'), 'contents of BUILD.rs'.slice(0, 20)))).toBe(
      true,
    );
  });

  test('after an input came or went', () => {
    expect(isDueAfter(() => writeFileSync(join(root, 'src/new.rs'), ''))).toBe(true);
    expect(isDueAfter(() => rmSync(join(root, 'src/new.rs')))).toBe(true);
  });

  test('when something else that it depends on differs', () => {
    const kept = takeStamp(root, step);
    expect(sameContents(kept, takeStamp(root, { ...step, key: 'linux-arm64' }, kept))).toBe(false);
  });

  test('when there is no stamp', () => {
    expect(sameContents(undefined, takeStamp(root, step))).toBe(false);
  });
});

describe('a step is not due', () => {
  test('when nothing changed', () => {
    expect(isDueAfter(() => {})).toBe(false);
  });

  test('when an input was touched but not changed, as by a checkout', () => {
    const later = new Date(Date.now() + 60_000);
    expect(isDueAfter(() => utimesSync(join(root, 'src/a.rs'), later, later))).toBe(false);
  });

  test('when a file changed that is no input', () => {
    expect(isDueAfter(() => writeFileSync(join(root, 'unrelated'), 'another'))).toBe(false);
  });
});

describe('a stamp on disk', () => {
  const file = () => join(root, '.setup', 'step.json');

  test('reads back as it was written', () => {
    const stamp = takeStamp(root, step);
    writeStamp(file(), stamp);
    expect(readStamp(file())).toEqual(stamp);
  });

  test('that is missing, removed or damaged is none', () => {
    expect(readStamp(file())).toBeUndefined();
    writeStamp(file(), takeStamp(root, step));
    removeStamp(file());
    expect(readStamp(file())).toBeUndefined();
    writeFileSync(file(), '{"key": "x", "fil');
    expect(readStamp(file())).toBeUndefined();
    writeFileSync(file(), '[]');
    expect(readStamp(file())).toBeUndefined();
  });
});
