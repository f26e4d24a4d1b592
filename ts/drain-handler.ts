/** What a drain calls for each record. */

import { RingError } from './errors.js';
import { invalid } from './options.js';

/**
 * Gets the memory that records lie in, where in it one starts and ends, and its position (units of
 * 8 bytes since the ring was made). `false` stops after this one.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing is the usual one.
export type DrainHandler = (memory: Buffer, start: number, end: number, position: number) => boolean | void;

const { then } = Promise.prototype;

export function checkHandler(handler: unknown): void {
  if (typeof handler !== 'function') throw invalid('handler', 'a function', handler);
}

/** A handler that goes on after it has returned would read what is written into the ring by then. */
export function refuseToWait(answer: unknown): void {
  if (typeof answer !== 'object' && typeof answer !== 'function') return;
  if (typeof (answer as { then?: unknown } | null)?.then !== 'function') return;
  try {
    // What it comes to nobody asks for: as an unhandled rejection it would be told before this error.
    then.call(answer as Promise<unknown>, undefined, () => {});
  } catch {
    // No promise of the language's own: its `then` may begin the very work that nobody waits for.
  }
  throw new RingError(
    'INVALID_ARGUMENT',
    'the handler of a drain returned a promise, and the bytes are its own only until it returns: copy them, or use `for await` or `batches()`',
  );
}
