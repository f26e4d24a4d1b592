/** For this repository's own programs; not part of the package's face. */

import { native } from './native.js';

/** The two cores that were compared, and how long a cache line takes there and back. */
export function probeCores(): { cpus: number[]; nanoseconds: number } | undefined {
  return native.probeCores() ?? undefined;
}
