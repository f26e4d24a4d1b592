// A ring lies in the memory of one kernel, unless the caller says that it need not.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenOptions, Ring } from 'shmring';
import { afterEach, expect, type TestContext, test } from 'vitest';
import { codeOf, thrown } from '../helpers/errors.js';
import { closing, createRing } from '../helpers/rings.js';
import { freshName } from '../helpers/scratch.js';
import { skip } from '../helpers/skip.js';

const SPSC = { kind: 'spsc', capacity: 4096 } as const;
const VARIABLE = 'SHMRING_FILESYSTEM';

const made: string[] = [];
afterEach(() => {
  delete process.env[VARIABLE];
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** tmpfs, ramfs and hugetlbfs. */
const IN_MEMORY = [0x01021994, 0x858458f6, 0x958458f6];

function canHoldRings(directory: string): boolean {
  try {
    Ring.create('probe', { ...SPSC, directory, fileSystem: 'any' }).close();
  } catch {
    return false;
  }
  return Ring.unlink('probe', { directory });
}

/** A folder on a disk that can hold rings otherwise. */
function onDisk(context: TestContext): string {
  for (const parent of [import.meta.dirname, tmpdir()]) {
    const directory = mkdtempSync(join(parent, 'shmring-disk-'));
    made.push(directory);
    if (!IN_MEMORY.includes(statfsSync(directory).type) && canHoldRings(directory)) return directory;
  }
  return skip(context, 'disk', 'neither the folder of this test nor that for temporary files is on a disk');
}

test('a ring on a disk, which another kernel may share, is UNSUPPORTED and says what to do', (context) => {
  const directory = onDisk(context);
  const name = freshName();
  const calls = [
    () => Ring.create(name, { ...SPSC, directory }),
    () => Ring.openOrCreate(name, { ...SPSC, directory, fileSystem: 'memory' }),
    () => Ring.temporary({ ...SPSC, directory }),
  ];
  for (const call of calls) {
    expect(thrown(call)).toMatchObject({
      code: 'ERR_SHMRING_UNSUPPORTED',
      message: expect.stringMatching(/file system of the type .*0x.*\/dev\/shm.*fileSystem: 'any'/),
    });
  }
  expect(Ring.list({ directory })).toEqual([]);
});

test.for<[string, OpenOptions, string | undefined]>([
  ['the option', { fileSystem: 'any' }, undefined],
  ['the environment', {}, 'any'],
  ['the option, against the environment', { fileSystem: 'any' }, 'memory'],
])('a ring on a disk is used where %s says so', ([, options, preset], context) => {
  const directory = onDisk(context);
  if (preset !== undefined) process.env[VARIABLE] = preset;
  const ring = closing(Ring.create('x', { ...SPSC, ...options, directory }));
  expect(ring.producer().tryWrite('record')).toBe(true);
  const other = closing(Ring.open('x', { ...options, directory }));
  expect(other.consumer().tryRead()?.toString()).toBe('record');
  delete process.env[VARIABLE];
  expect(codeOf(() => Ring.open('x', { directory }))).toBe('UNSUPPORTED');
  expect(codeOf(() => Ring.open('x', { directory, access: 'inspect' }))).toBe('UNSUPPORTED');
  // Looking and removing works anywhere.
  expect(Ring.list({ directory }).map(({ name, alive, error }) => [name, alive, error])).toEqual([
    ['x', 2, undefined],
  ]);
  expect(Ring.unlink('x', { directory })).toBe(true);
});

test('an environment that names no such file system is INVALID_ARGUMENT, and an empty one counts as not set', () => {
  process.env[VARIABLE] = 'tmpfs';
  const error = thrown(() => Ring.create(freshName(), SPSC));
  expect(error).toMatchObject({
    code: 'ERR_SHMRING_INVALID_ARGUMENT',
    message: expect.stringContaining(VARIABLE),
  });
  // Where the call says what it wants, it does not matter.
  createRing({ fileSystem: 'memory' });
  process.env[VARIABLE] = '';
  createRing();
});

test('a Worker goes by its own environment, not by that of its process', (context) => {
  const directory = onDisk(context);
  const program = `
    import { Worker, isMainThread } from 'node:worker_threads';
    import { Ring } from 'shmring';
    function create() {
      try {
        Ring.create('x', { kind: 'spsc', capacity: 4096, directory: ${JSON.stringify(directory)} }).close();
        return Ring.unlink('x', { directory: ${JSON.stringify(directory)} });
      } catch ({ code }) {
        return code;
      }
    }
    console.log(create());
    if (isMainThread) new Worker(new URL(import.meta.url), { env: {} });`;
  const file = join(directory, 'program.mjs');
  writeFileSync(file, program.replace("'shmring'", `'${import.meta.resolve('shmring')}'`));
  const env = { ...process.env, [VARIABLE]: 'any' };
  const { stdout, stderr } = spawnSync(process.execPath, [file], { env, encoding: 'utf8' });
  expect(stdout.trim().split('\n'), stderr).toEqual(['true', 'ERR_SHMRING_UNSUPPORTED']);
});
