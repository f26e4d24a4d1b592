// What must be right about an addon before it is shipped.
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the oldest supported Node asks for itself. */
export const LEAST_GLIBC = '2.28';

/**
 * The least glibc that has every function the addon asks for; nothing when it asks for none of glibc's.
 *
 * @param {Buffer} addon
 */
export function glibcOf(addon) {
  const versions = addon.toString('latin1').match(/(?<=GLIBC_)\d+\.\d+/g) ?? [];
  return versions.sort(compareVersions).at(-1);
}

/**
 * @param {string} one such as `2.9`
 * @param {string} other such as `2.28`
 */
export function compareVersions(one, other) {
  return one.localeCompare(other, 'en', { numeric: true });
}

/**
 * The first of this machine's own paths that the addon names: of the crate, or of what it depends on.
 *
 * @param {Buffer} addon
 * @param {string} root
 */
export function machinePathIn(addon, root) {
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  return [join(root, 'crate'), join(cargoHome, 'registry')].find((path) => addon.includes(path));
}
