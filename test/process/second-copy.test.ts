import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import '../helpers/scratch.js';

/** Runs a case of the runtimes in a process of its own. */
const ran = (name: string) =>
  promisify(execFile)(process.execPath, [
    fileURLToPath(new URL(`../runtimes/cases/${name}.mjs`, import.meta.url)),
  ]);

test('a second copy of the package, whose addon is a link to the same file, leaves the first one its rings', async () => {
  await expect(ran('second-copy')).resolves.toEqual({ stdout: '', stderr: '' });
});

test('with several copies of the package `instanceof RingError` holds not only for the one loaded last', async () => {
  await expect(ran('second-copy-errors')).resolves.toEqual({ stdout: '', stderr: '' });
});
