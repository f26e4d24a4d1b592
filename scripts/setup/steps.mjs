// The three things to set up, in order: each with what goes in, what must be there, and the tool.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
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
  tool: () => {
    // Under `npm start`, the npm that the person runs; by hand, the one on the PATH.
    const npm = process.env.npm_execpath;
    const [command, first] = npm && basename(npm) === 'npm-cli.js' ? [process.execPath, [npm]] : ['npm', []];
    // The level is given because `npm test --silent` would hide the reason of a failure too.
    return { command, args: [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=warn'] };
  },
  progress: (root) => {
    const expected = expectedPackages(root);
    const there = expected.filter((path) => existsSync(join(root, path, 'package.json'))).length;
    return `${there} of ${expected.length} packages`;
  },
};

/**
 * The folders that `npm ci` will fill on this machine.
 *
 * @param {string} root
 * @returns {string[]}
 */
export function expectedPackages(root) {
  const { packages: all } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(all)
    .filter(
      ([path, about]) => path !== '' && fits(about.os, process.platform) && fits(about.cpu, process.arch),
    )
    .map(([path]) => path);
}

/**
 * @param {string[] | undefined} allowed
 * @param {string} mine
 */
function fits(allowed, mine) {
  return allowed === undefined || allowed.includes(mine);
}

/** @type {Step} */
const addon = {
  name: 'addon',
  title: 'Rust addon (napi build)',
  key: MACHINE,
  inputs: ['crate/src', 'crate/build.rs', 'crate/Cargo.toml', 'crate/Cargo.lock'],
  present: (root) => {
    const native = join(root, 'native');
    return existsSync(native) && readdirSync(native).some((name) => name.endsWith('.node'));
  },
  needsToolchain: true,
  tool: (root) => ({
    command: process.execPath,
    args: [
      join(root, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js'),
      ...['build', '--platform', '--release', '--esm', '--manifest-path', 'crate/Cargo.toml'],
      ...['--output-dir', 'native', '--js', 'index.js', '--dts', 'index.d.ts', '--features', 'node'],
    ],
    // Cargo draws its progress bar only on a terminal unless told; here the live line shows it.
    env: { ...process.env, CARGO_TERM_PROGRESS_WHEN: 'always', CARGO_TERM_PROGRESS_WIDTH: '72' },
  }),
};

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
    const source = file.replace(/^dist/, 'ts').replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (!existsSync(join(root, source))) rmSync(join(root, file));
  }
}

/** @type {readonly Step[]} */
export const steps = [packages, addon, typescript];
