// Lays a package out in a folder of its own and packs it with npm.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { npm } from '../setup/npm.mjs';
import { filesBelow } from '../setup/stamp.mjs';

/**
 * @typedef {import('./manifest.mjs').Manifest} Manifest
 * @typedef {{ filename: string, size: number, unpackedSize: number, files: { path: string, size: number }[] }} Tarball
 *   as `npm pack --json` tells; sizes in bytes
 */

/**
 * @param {string} folder is emptied first
 * @param {Manifest} manifest
 * @param {Record<string, string>} sources the file or folder that goes to each path in the package
 * @param {Record<string, string>} [texts] what a file holds instead of what the sources have there
 */
export function layOut(folder, manifest, sources, texts = {}) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  for (const [path, source] of Object.entries(sources)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(source, join(folder, path), { recursive: true });
  }
  for (const [path, text] of Object.entries(texts)) writeFileSync(join(folder, path), text);
  // The linker makes an addon executable, and a umask may have made sources private.
  for (const file of filesBelow(folder, ['.'])) chmodSync(join(folder, file), 0o644);
}

/**
 * @param {string} folder
 * @param {string} destination where the tarball goes
 * @returns {Tarball}
 */
export function pack(folder, destination) {
  const { command, args } = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', destination]);
  const output = execFileSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return /** @type {Tarball} */ (Object.values(JSON.parse(output))[0]);
}

/** @param {number} bytes */
export function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

/** @param {Tarball} tarball */
export function describe({ filename, size, unpackedSize, files }) {
  const lines = files.map((file) => `${kilobytes(file.size).padStart(10)}  ${file.path}`);
  const sizes = `${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked`;
  return [`${filename}: ${files.length} files, ${sizes}`, ...lines].join('\n');
}
