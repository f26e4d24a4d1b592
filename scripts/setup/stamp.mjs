// Knows whether a step's inputs are what they were when the step last succeeded.
//
// A stamp is a JSON file that lists the inputs with size, modification time and content hash. Sizes
// and times are looked at first; contents only when one of those differs, for a `git checkout`
// touches files without changing them.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * @typedef {{ size: number, modified: number, hash: string }} Seen
 * @typedef {{ key: string, files: Record<string, Seen> }} Stamp
 */

/**
 * The files at and below some paths, sorted, relative to `root`. What does not exist has none.
 *
 * @param {string} root
 * @param {readonly string[]} paths
 * @returns {string[]}
 */
export function filesBelow(root, paths) {
  /** @type {string[]} */
  const found = [];
  for (const path of paths) {
    const status = statSync(join(root, path), { throwIfNoEntry: false });
    if (status?.isFile()) found.push(path);
    if (status?.isDirectory()) {
      const entries = readdirSync(join(root, path));
      found.push(
        ...filesBelow(
          root,
          entries.map((entry) => join(path, entry)),
        ),
      );
    }
  }
  return found.sort();
}

/**
 * Looks at every input. Hashes are taken from `before` where size and time still agree.
 *
 * @param {string} root
 * @param {{ key: string, inputs: readonly string[] }} step `key`: whatever else the outcome depends on
 * @param {Stamp} [before]
 * @returns {Stamp}
 */
export function takeStamp(root, { key, inputs }, before) {
  /** @type {Record<string, Seen>} */
  const files = {};
  for (const path of filesBelow(root, inputs)) {
    const { size, mtimeMs: modified } = statSync(join(root, path));
    const known = before?.files[path];
    const unchanged = known !== undefined && known.size === size && known.modified === modified;
    const hash = unchanged
      ? known.hash
      : createHash('sha256')
          .update(readFileSync(join(root, path)))
          .digest('hex');
    files[path] = { size, modified, hash };
  }
  return { key, files };
}

/**
 * Whether two stamps are of the same contents, whatever the times.
 *
 * @param {Stamp | undefined} one
 * @param {Stamp} other
 */
export function sameContents(one, other) {
  if (one === undefined || one.key !== other.key) return false;
  const paths = Object.keys(one.files);
  if (paths.length !== Object.keys(other.files).length) return false;
  return paths.every((path) => one.files[path]?.hash === other.files[path]?.hash);
}

/**
 * A stamp that was kept, or nothing when there is none that can be read.
 *
 * @param {string} file
 * @returns {Stamp | undefined}
 */
export function readStamp(file) {
  try {
    const stamp = JSON.parse(readFileSync(file, 'utf8'));
    return typeof stamp?.key === 'string' && typeof stamp.files === 'object' ? stamp : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whole or not at all: a reader never sees half a stamp.
 *
 * @param {string} file
 * @param {Stamp} stamp
 */
export function writeStamp(file, stamp) {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(stamp, undefined, 1)}\n`);
  renameSync(temporary, file);
}

/** @param {string} file */
export function removeStamp(file) {
  rmSync(file, { force: true });
}
