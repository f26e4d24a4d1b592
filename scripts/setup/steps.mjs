// The three things to set up, in order: each with what goes in, what must be there, and the tool.
// Beside them what only some commands need.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { npm } from './npm.mjs';
import { filesBelow } from './stamp.mjs';

/**
 * @typedef {object} Step
 * @property {string} name of its stamp
 * @property {string} title
 * @property {string} key what its outcome depends on beside the inputs
 * @property {string[]} inputs files and folders, relative to the root
 * @property {(root: string) => boolean} present whether what it makes is there
 * @property {boolean} needsToolchain
 * @property {(root: string) => { command: string, args: string[], env?: NodeJS.ProcessEnv }} tool
 * @property {(root: string) => string | undefined} [progress] asked now and then while the tool runs
 * @property {(root: string) => void} [after] runs when the tool has succeeded
 */

const MACHINE = `${process.platform}-${process.arch}`;

/** @type {Step} */
const packages = {
  name: 'packages',
  title: 'npm packages (npm ci)',
  key: MACHINE,
  inputs: ['package-lock.json'],
  present: (root) => existsSync(join(root, 'node_modules', '.package-lock.json')),
  needsToolchain: false,
  tool: () => npmCi(),
  progress: howManyPackages,
};

/**
 * The level is given because `npm test --silent` would hide the reason of a failure too.
 *
 * @param {string[]} options
 */
const npmCi = (...options) => npm(['ci', '--no-audit', '--no-fund', '--loglevel=warn', ...options]);

/** @param {string} folder */
function howManyPackages(folder) {
  const expected = expectedPackages(folder);
  const there = expected.filter((path) => existsSync(join(folder, path, 'package.json'))).length;
  return `${there} of ${expected.length} packages`;
}

/**
 * The folders that `npm ci` will fill on this machine.
 *
 * @param {string} folder where the lock file lies
 * @returns {string[]}
 */
export function expectedPackages(folder) {
  const { packages: all } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  return Object.entries(all)
    .filter(
      ([path, about]) => path !== '' && fits(about.os, process.platform) && fits(about.cpu, process.arch),
    )
    .map(([path]) => path);
}

/**
 * @param {string | string[] | undefined} allowed some packages write a single one without an array
 * @param {string} mine
 */
function fits(allowed, mine) {
  return allowed === undefined || [allowed].flat().includes(mine);
}

// No loader and no declarations of the loader: ts/load.ts finds the addon.
const NAPI_BUILD = [
  ...['build', '--platform', '--release', '--manifest-path', 'crate/Cargo.toml', '--features', 'node'],
  ...['--output-dir', 'native', '--no-js', '--dts', 'index.d.ts'],
];

/** @type {Step} */
export const addon = {
  name: 'addon',
  title: 'Rust addon (napi build)',
  key: [MACHINE, ...NAPI_BUILD].join(' '),
  inputs: ['crate/src', 'crate/build.rs', 'crate/Cargo.toml', 'crate/Cargo.lock'],
  present: (root) => {
    const native = join(root, 'native');
    return existsSync(native) && readdirSync(native).some((name) => name.endsWith('.node'));
  },
  needsToolchain: true,
  tool: (root) => ({
    command: process.execPath,
    args: [join(root, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js'), ...NAPI_BUILD],
    env: {
      ...process.env,
      RUSTFLAGS: withoutMachinePaths(process.env),
      // Cargo draws its progress bar only on a terminal unless told; here the live line shows it.
      CARGO_TERM_PROGRESS_WHEN: 'always',
      CARGO_TERM_PROGRESS_WIDTH: '72',
    },
  }),
};

/**
 * Rust flags that keep the path of cargo's home, which panics of dependencies name, out of what is
 * shipped. Flags are separated by spaces, so a home with a space in its path stays as it is.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function withoutMachinePaths({ RUSTFLAGS = '', CARGO_HOME = join(homedir(), '.cargo') }) {
  return /\s/.test(CARGO_HOME) ? RUSTFLAGS : `${RUSTFLAGS} --remap-path-prefix=${CARGO_HOME}=cargo`.trim();
}

/** @type {Step} */
const typescript = {
  name: 'typescript',
  title: 'TypeScript (tsc)',
  key: MACHINE,
  // native/index.d.ts: the addon's own declarations, which the wrapper is checked against.
  inputs: ['ts', 'tsconfig.json', 'native/index.d.ts'],
  present: (root) => existsSync(join(root, 'dist', 'index.js')),
  needsToolchain: false,
  tool: (root) => ({
    command: process.execPath,
    args: [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json'],
  }),
  after: removeOrphans,
};

/**
 * Removes from dist what no source makes any longer: it would be shipped, and imported by mistake.
 *
 * @param {string} root
 */
function removeOrphans(root) {
  for (const file of filesBelow(root, ['dist'])) {
    const source = file.replace(/^dist/, 'ts').replace(/(\.d\.ts|\.js)$/, '.ts');
    if (!existsSync(join(root, source))) rmSync(join(root, file));
  }
}

/** @type {readonly Step[]} */
export const steps = [packages, addon, typescript];

/**
 * npm packages in a folder of their own, which only some commands need. None needs its install script.
 *
 * @param {{ name: string, title: string, folder: string }} about
 * @param {string[]} options of npm
 * @returns {Step}
 */
const packagesIn = ({ name, title, folder }, ...options) => ({
  name,
  title: `${title} (npm ci)`,
  key: MACHINE,
  inputs: [join(folder, 'package-lock.json')],
  // Not each package: what only an optional one for another platform needs is in the lock without that platform.
  present: (root) => existsSync(join(root, folder, 'node_modules', '.package-lock.json')),
  needsToolchain: false,
  tool: () => npmCi('--prefix', folder, '--ignore-scripts', ...options),
  progress: (root) => howManyPackages(join(root, folder)),
});

const RUNTIMES = 'test/runtimes/installed';

// Large, and optional to npm: one that cannot be fetched is left out, and looked for again the next
// time. No links, since four of them are called `node`.
const runtimes = {
  ...packagesIn({ name: 'runtimes', title: 'JavaScript runtimes', folder: RUNTIMES }, '--no-bin-links'),
  present: (/** @type {string} */ root) => {
    const there = join(root, RUNTIMES);
    return expectedPackages(there).every((path) => existsSync(join(there, path, 'package.json')));
  },
};

const bundlers = packagesIn({
  name: 'bundlers',
  title: 'bundlers that the tests try',
  folder: 'test/package/bundlers',
});

const charts = packagesIn({ name: 'charts', title: 'chart library', folder: 'bench' });

/**
 * What only some commands need, by the name that `--with` gives.
 *
 * @type {Readonly<Record<string, Step>>}
 */
export const furtherSteps = { runtimes, bundlers, charts };
