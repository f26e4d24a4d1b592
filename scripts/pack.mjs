// Packs what is published: the main package, and one package for each platform whose addon is there.
//
//   npm run pack                                this machine's platform
//   npm run pack -- --out FOLDER                not into packages/
//   npm run pack -- --all --addons FOLDER       a release: every platform, with addons built elsewhere
//   npm run pack -- --repository URL            names the repository, which npm asks for a provenance
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseTriple } from '@napi-rs/cli';
import { compareVersions, glibcOf, LEAST_GLIBC, machinePathIn } from './pack/addon.mjs';
import { buildConstants } from './pack/build-constants.mjs';
import { addonOf, mainManifest, packageOf, platformManifest } from './pack/manifest.mjs';
import { describe, layOut, pack } from './pack/tarball.mjs';

/** @typedef {import('./pack/manifest.mjs').Platform} Platform */

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');

const { values: options } = parseArgs({
  options: {
    addons: { type: 'string', default: join(ROOT, 'native') },
    all: { type: 'boolean', default: false },
    out: { type: 'string', default: join(ROOT, 'packages') },
    repository: { type: 'string' },
  },
});

/** Said to the person as it is, without a stack trace. */
class Refused extends Error {}

/**
 * @param {string} triple as Rust names it
 * @returns {Platform}
 */
function platformOf(triple) {
  const { platformArchABI, platform, arch, abi } = parseTriple(triple);
  const libc = abi === 'gnu' ? 'glibc' : abi === 'musl' ? 'musl' : undefined;
  return { name: platformArchABI, os: platform, cpu: arch, ...(libc && { libc }) };
}

/**
 * @param {string} file
 * @returns {string} what to say about it
 */
function checkAddon(file) {
  const addon = readFileSync(file);
  const path = machinePathIn(addon, ROOT);
  if (path !== undefined) throw new Refused(`${file} names ${path}, a path of the machine that built it.`);
  const glibc = glibcOf(addon);
  if (glibc === undefined) return 'needs no glibc';
  if (options.all && compareVersions(glibc, LEAST_GLIBC) > 0) {
    throw new Refused(`${file} needs glibc ${glibc}; what is published must run with ${LEAST_GLIBC}.`);
  }
  return `needs glibc ${glibc}`;
}

function main() {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  if (options.repository) manifest.repository = { type: 'git', url: options.repository };
  const out = resolve(options.out);
  mkdirSync(out, { recursive: true });

  /** @param {Platform} platform */
  const addonFile = (platform) => resolve(options.addons, addonOf(manifest, platform));
  const known = /** @type {string[]} */ (manifest.napi.targets).map(platformOf);
  const platforms = known.filter((platform) => existsSync(addonFile(platform)));
  const missing = known.filter((platform) => !platforms.includes(platform)).map(({ name }) => name);
  if (platforms.length === 0) throw new Refused(`There is no addon in ${options.addons}.`);
  if (options.all && missing.length > 0) throw new Refused(`No addon for ${missing.join(', ')}.`);

  // The platforms first, in the order in which they must be published: the main package names them.
  for (const platform of platforms) {
    const folder = join(out, packageOf(manifest, platform));
    const addon = addonFile(platform);
    const about = checkAddon(addon);
    layOut(folder, platformManifest(manifest, platform, statSync(addon).size), {
      [addonOf(manifest, platform)]: addon,
      LICENSE: join(ROOT, 'LICENSE'),
      'README.md': join(ROOT, 'scripts', 'pack', 'platform-readme.md'),
    });
    console.log(`${describe(pack(folder, out))}\n${''.padStart(12)}${about}\n`);
  }

  const folder = join(out, manifest.name);
  // What `files` excludes, npm leaves out itself.
  const named = manifest.files.filter((/** @type {string} */ path) => !path.startsWith('!'));
  const shipped = [...named, 'LICENSE', 'README.md'];
  const main = mainManifest(manifest, platforms);
  layOut(folder, main, Object.fromEntries(shipped.map((path) => [path, join(ROOT, path)])), {
    'dist/build.js': buildConstants(main),
  });
  console.log(describe(pack(folder, out)));
}

try {
  main();
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
