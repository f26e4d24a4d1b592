/**
 * Which build of the package this is: here, that of a clone. A packed one has constants in this file's place, which
 * scripts/pack/build-constants.mjs writes, so that it names no path and no manifest that a bundler could take for its own.
 */

import { existsSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version; platform packages must have the same. */
export function version(): string {
  return module.createRequire(import.meta.url)('../package.json').version;
}

/** The names of the platform packages that were published with this one; none where nothing was. */
export const published: readonly string[] = [];

/** The addon that was built in the clone, if one was. */
export function localAddon(platform: string): object | undefined {
  const file = join(dirname(fileURLToPath(import.meta.url)), '..', 'native', `shmring.${platform}.node`);
  return existsSync(file) ? module.createRequire(import.meta.url)(file) : undefined;
}
