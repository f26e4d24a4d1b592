/** Finds the addon: a local build, which only a clone has, or else the package for this platform. */

import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type AddonPackage, addonPackage, ownPackage } from './addon-package.js';
import { localAddon, published, version } from './build.js';
import { codeOf } from './errors.js';
import { platformName } from './platform.js';

/** The addon, or a sentence that says why there is none. Never throws. */
export function load(): object | string {
  if (process.platform !== 'linux') return `shmring needs Linux; this is ${process.platform}`;
  const platform = platformName();
  try {
    return localAddon(platform) ?? loadPackage(platform);
  } catch (error) {
    const reason = String((error as Error | undefined)?.message ?? error).split('\n')[0];
    const what = isForbidden(error)
      ? 'may not be loaded here'
      : 'cannot be loaded, install or build it again';
    return `shmring's addon for ${platform} ${what}: ${reason}`;
  }
}

/** Whether the process was started without the right to load addons: Node says so by code, Deno by name. */
function isForbidden(error: unknown): boolean {
  return codeOf(error) === 'ERR_DLOPEN_DISABLED' || (error as Error | undefined)?.name === 'NotCapable';
}

function loadPackage(platform: string): object | string {
  const name = `shmring-${platform}`;
  const found = find(platform);
  if (found === undefined) return absent(name);
  const manifest = found.manifest();
  const own = version();
  if (manifest.version !== own) {
    return `shmring ${own} needs ${name} of the same version and found ${manifest.version}: install shmring again`;
  }
  const bytes = statSync(found.file()).size;
  // Loading a file that was cut short would not fail but crash.
  const whole = manifest.addonBytes;
  if (bytes !== whole) throw new Error(`${name} has ${bytes} bytes, not ${whole}`);
  return found.addon();
}

/** The package, seen from the first place from which there is one. */
function find(platform: string): AddonPackage | undefined {
  const failures: unknown[] = [];
  for (const place of places()) {
    // An installer that shows a package only what it asks for itself (pnpm) puts it where only shmring finds it.
    for (const from of [() => place, () => ownPackage(place)]) {
      try {
        const found = addonPackage(platform, from());
        found?.manifest();
        return found;
      } catch (error) {
        // That one place may not be looked at, say: another one may.
        if (!isAbsence(error)) failures.push(error);
      }
    }
  }
  if (failures.length > 0) throw failures[0];
  return undefined;
}

/** Whether there is no such package, or no such place. */
function isAbsence(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_INVALID_ARG_VALUE';
}

/** Where this code may lie, as a path or a URL, found out one at a time: Deno lets not everybody know the last one. */
function* places(): Generator<string> {
  // In a bundle of ESM, the bundle. webpack puts the place where it found this file; esbuild, in CommonJS, nothing.
  const own: string | undefined = import.meta.url;
  if (own) yield own;
  const file = fileOfCommonJS();
  if (file) yield file;
  // The program, which is the bundle or lies beside it; with the slash it may be a folder too, as in `node .`.
  if (process.argv[1]) yield `${process.argv[1]}/`;
  // A program that is a single executable holds this code in itself.
  yield process.execPath;
}

/** In a bundle of CommonJS, the bundle. */
function fileOfCommonJS(): string | undefined {
  try {
    // Not asked for by `typeof`: webpack answers that with "string", in a bundle of ESM too, where there is none.
    return __filename;
  } catch {
    return undefined;
  }
}

function absent(name: string): string {
  if (published.length === 0) return `${name} is neither built here nor installed: run \`npm run build\``;
  if (!published.includes(name)) {
    return `shmring has no addon for this system: ${name} is not among ${published.join(', ')}`;
  }
  const what = `${name}, which holds shmring's addon, is not`;
  return isBundled()
    ? `${what} found from this bundle: mark shmring as external and install it, or put ${name} into a node_modules folder beside the bundle`
    : `${what} installed: install shmring again on this system, with optional dependencies; where files are picked and copied, copy that package too`;
}

/** Whether a bundler has moved this code from its own file. */
function isBundled(): boolean {
  const url: string | undefined = import.meta.url;
  return !url?.endsWith('/dist/load.js') || !existsSync(fileURLToPath(url));
}
