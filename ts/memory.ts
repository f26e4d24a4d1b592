/** The error of a handle that needs its memory, which was moved: whoever moved it, and however. */

import { RingError } from './errors.js';

export function moved(handle: string): RingError {
  return new RingError('CLOSED', `the memory of this ${handle} was transferred: close it and attach again`);
}
