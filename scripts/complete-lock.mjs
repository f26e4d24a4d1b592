// Run after `npm install` has changed a package-lock.json: `node scripts/complete-lock.mjs`.
//
// A package with native parts names one optional package a platform, all of the same version. Where
// the registry that npm asks lacks one of them (a mirror, a release that is still under way), npm
// installs without it and leaves it out of the lock; `npm ci` then refuses the lock as incomplete.
// This adds what is left out, so that `npm ci` works everywhere: the entries carry the version and
// the platform, which is all that npm needs to know in order to skip them or to fetch them.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The lock files of this repository: of the tools, of the runtimes and the bundlers that only tests need, and of the charts. */
export const LOCKS = [
  'package-lock.json',
  'test/runtimes/installed/package-lock.json',
  'test/package/bundlers/package-lock.json',
  'bench/package-lock.json',
];

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const CPUS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/**
 * @typedef {{ version?: string, dev?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[],
 *   optionalDependencies?: Record<string, string> }} Entry
 */

/**
 * What a platform package's name says about where it fits, as package.json would.
 *
 * @param {string} name such as `@biomejs/cli-linux-x64-musl`
 * @returns {Pick<Entry, 'os' | 'cpu' | 'libc'> | undefined} nothing when the name tells no platform
 */
export function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.filter((word) => SYSTEMS.includes(word));
  const cpu = words.filter((word) => CPUS.includes(word));
  if (cpu.length !== 1 || (os.length !== 1 && cpu[0] !== 'wasm32')) return undefined;
  const libc = words.includes('musl') ? ['musl'] : words.includes('gnu') ? ['glibc'] : undefined;
  return { ...(os.length === 1 && { os }), cpu, ...(os[0] === 'linux' && libc && { libc }) };
}

/**
 * Adds the missing entries.
 *
 * @param {{ packages: Record<string, Entry> }} lock is changed
 * @returns {string[]} the names added
 */
export function completeLock(lock) {
  const added = [];
  for (const parent of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const path = `node_modules/${name}`;
      const platform = platformOf(name);
      if (path in lock.packages || platform === undefined || !/^\d/.test(version)) continue;
      const { cpu, libc, os } = platform;
      // In npm's order, so that npm changes nothing when it writes the lock again.
      const entry = { version, cpu, dev: parent.dev, libc, optional: true, os };
      lock.packages[path] = JSON.parse(JSON.stringify(entry));
      added.push(name);
    }
  }
  const sorted = Object.entries(lock.packages).sort(([one], [other]) => one.localeCompare(other, 'en'));
  lock.packages = Object.fromEntries(sorted);
  return added;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const path of LOCKS) {
    const file = resolve(import.meta.dirname, '..', path);
    const lock = JSON.parse(readFileSync(file, 'utf8'));
    const added = completeLock(lock);
    if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
    console.log(`${added.length} entries added to ${path}`);
  }
}
