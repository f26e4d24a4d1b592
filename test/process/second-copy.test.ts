import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import '../helpers/scratch.js';

test('a second copy of the package, whose addon is a link to the same file, leaves the first one its rings', async () => {
  const program = fileURLToPath(new URL('../runtimes/cases/second-copy.mjs', import.meta.url));
  const ended = promisify(execFile)(process.execPath, [program]);
  await expect(ended).resolves.toEqual({ stdout: '', stderr: '' });
});
