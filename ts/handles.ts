/** Handles that close: with their ring, by themselves when collected, or when told to. */

import { RingError } from './errors.js';

/** What an open handle does when it is collected without having been closed. */
const collected = new FinalizationRegistry<() => void>((close) => close());

/** The open handles of one ring. It keeps none of them from being collected. */
export class OpenHandles {
  readonly #handles = new Set<WeakRef<{ close(): void }>>();

  /**
   * Remembers an open handle. `end` frees what it holds in the addon and is called if it is
   * collected; it must not hold the handle. The returned function is to be called when it closes.
   */
  add(handle: { close(): void }, end: () => void): () => void {
    const reference = new WeakRef(handle);
    this.#handles.add(reference);
    collected.register(
      handle,
      () => {
        this.#handles.delete(reference);
        end();
      },
      reference,
    );
    return () => {
      this.#handles.delete(reference);
      collected.unregister(reference);
    };
  }

  close(): void {
    for (const reference of this.#handles) reference.deref()?.close();
  }
}

/** What a constructor is given that is called from here, and by nobody else: others have none. */
export function ownHandles(handles: OpenHandles, maker: string): OpenHandles {
  if (handles instanceof OpenHandles) return handles;
  throw new RingError('INVALID_ARGUMENT', `this is not made by new, but by ${maker}`);
}

/** Makes a handle of what was just attached, or gives that back. */
export function orGiveBack<T>(make: () => T, giveBack: () => void): T {
  try {
    return make();
  } catch (error) {
    giveBack();
    throw error;
  }
}
