// Finds the files whose lines are sent.
import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';

const SOURCE = new Set(
  '.js .mjs .cjs .jsx .ts .mts .cts .tsx .json .md .css .html .yml .yaml .rs .c .cc .h'.split(' '),
);

/**
 * All source files below a folder, in a fixed order. Links are not followed.
 *
 * @param {string} folder
 * @param {(path: string) => boolean} [wanted]
 * @returns {string[]}
 */
export function sourceFiles(folder, wanted = (path) => SOURCE.has(extname(path))) {
  const entries = readdirSync(folder, { withFileTypes: true });
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path, wanted);
    return entry.isFile() && wanted(path) ? [path] : [];
  });
}

/**
 * The files that some paths stand for: a folder for all that is in it.
 *
 * @param {readonly string[]} paths
 * @returns {string[]}
 */
export function namedFiles(paths) {
  return paths.flatMap((path) => (statSync(path).isDirectory() ? sourceFiles(path, () => true) : [path]));
}
