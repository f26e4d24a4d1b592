// The JavaScript runtimes that the package is run under: where each one is, and how it is started.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Runtime
 * @property {string} name
 * @property {string} program relative to `installed/node_modules`
 * @property {string[]} flags before the file: the garbage collector can be called everywhere
 * @property {string} version
 * @property {string[]} command the program and its flags
 */

const COLLECTABLE = ['--expose-gc'];
// Addons need `--allow-ffi`; the cases also start processes, and read and write files.
const DENO = ['run', '--allow-all', '--v8-flags=--expose-gc'];
// Deprecations that Node would else tell of only outside of node_modules.
const NODE = [...COLLECTABLE, '--pending-deprecation'];

const ALL = [
  { name: 'node-20', program: 'node-20/bin/node', flags: NODE },
  { name: 'node-22', program: 'node-22/bin/node', flags: NODE },
  { name: 'node-24', program: 'node-24/bin/node', flags: NODE },
  { name: 'node-26', program: 'node-26/bin/node', flags: NODE },
  { name: 'bun', program: 'bun/bin/bun', flags: COLLECTABLE },
  { name: 'deno', program: 'deno/deno', flags: DENO },
];

/** @type {readonly string[]} */
export const NAMES = ALL.map(({ name }) => name);

/**
 * Those that are there and start, and why the others are not.
 *
 * @param {readonly string[]} wanted names
 * @returns {{ found: Runtime[], missing: { name: string, detail: string }[] }}
 */
export function findRuntimes(wanted) {
  /** @type {Runtime[]} */
  const found = [];
  const missing = [];
  for (const { name, program, flags } of ALL.filter(({ name }) => wanted.includes(name))) {
    const path = fileURLToPath(new URL(`installed/node_modules/${program}`, import.meta.url));
    if (!existsSync(path)) {
      missing.push({ name, detail: 'npm did not bring it: no network, or no such package for this machine' });
      continue;
    }
    try {
      const [version = ''] =
        /\d+\.\d+\.\d+/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' })) ?? [];
      found.push({ name, program, flags, version, command: [path, ...flags] });
    } catch (error) {
      missing.push({ name, detail: `it does not start: ${/** @type {Error} */ (error).message}` });
    }
  }
  return { found, missing };
}

/**
 * What starts another process of the runtime that runs this.
 *
 * @returns {string[]}
 */
export function thisRuntime() {
  return [process.execPath, ...('Deno' in globalThis ? DENO : COLLECTABLE)];
}
