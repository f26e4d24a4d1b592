/** Finds the addon: a local build, which only a clone has, or else the package for this platform. */

import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { platformName } from './platform.js';

interface Manifest {
  version: string;
  /** Of a platform package: the size of its addon. */
  addonBytes?: number;
  /** Of the published package: exactly the platform packages that were published with it. */
  optionalDependencies?: Record<string, string>;
}

const require = createRequire(import.meta.url);

/** The addon, or a sentence that says why there is none. Never throws. */
export function load(): object | string {
  if (process.platform !== 'linux') return `shmring needs Linux; this is ${process.platform}`;
  const platform = platformName();
  const local = fileURLToPath(new URL(`../native/shmring.${platform}.node`, import.meta.url));
  try {
    return existsSync(local) ? require(local) : loadPackage(platform);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    const what = isForbidden(error)
      ? 'may not be loaded here'
      : 'cannot be loaded, install or build it again';
    return `shmring's addon for ${platform} ${what}: ${reason}`;
  }
}

/** Whether the process was started without the right to load addons: Node says so by code, Deno by name. */
function isForbidden(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'NotCapable' || ('code' in error && error.code === 'ERR_DLOPEN_DISABLED');
}

function loadPackage(platform: string): object | string {
  const name = `shmring-${platform}`;
  const own: Manifest = require('../package.json');
  const found = manifestOf(name);
  if (found === undefined) return absent(name, Object.keys(own.optionalDependencies ?? {}));
  if (found.version !== own.version) {
    return `shmring ${own.version} needs ${name} of the same version and found ${found.version}: install shmring again`;
  }
  const bytes = statSync(require.resolve(name)).size;
  // Loading a file that was cut short would not fail but crash.
  if (bytes !== found.addonBytes) throw new Error(`${name} has ${bytes} bytes, not ${found.addonBytes}`);
  return require(name);
}

function manifestOf(name: string): Manifest | undefined {
  try {
    return require(`${name}/package.json`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function absent(name: string, published: readonly string[]): string {
  if (published.length === 0) return `${name} is neither built here nor installed: run \`npm run build\``;
  if (published.includes(name)) {
    return `${name}, which holds shmring's addon, is not installed: install shmring again on this system, with optional dependencies`;
  }
  return `shmring has no addon for this system: ${name} is not among ${published.join(', ')}`;
}
