// A further copy of the package in this thread.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/**
 * @param {(from: string, to: string) => void} put how the addon comes into it: by a link, say
 * @returns {Promise<typeof import('shmring')>}
 */
export async function secondCopy(put) {
  // On the same file system, as a link must be, and where nobody looks.
  const copy = mkdtempSync(join(root, 'node_modules', '.second-copy-'));
  process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
  mkdirSync(join(copy, 'native'));
  for (const file of readdirSync(join(root, 'native'))) {
    if (file.endsWith('.node')) put(join(root, 'native', file), join(copy, 'native', file));
  }
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(copy, 'package.json'));
  return import(pathToFileURL(join(copy, 'dist', 'index.js')));
}
