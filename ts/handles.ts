/** Handles that close: with their ring, by themselves when collected, or when told to. */

/** Closes what was collected without having been closed. */
const collected = new FinalizationRegistry<() => void>((close) => close());

/** Calls `close` once `handle` has been collected. `close` must not hold the handle. */
export function closeWhenCollected(handle: object, close: () => void): void {
  collected.register(handle, close, handle);
}

export function forget(handle: object): void {
  collected.unregister(handle);
}

/** The open handles of one ring; it keeps none of them from being collected. */
export class OpenHandles {
  readonly #handles = new Set<WeakRef<{ close(): void }>>();

  add(handle: { close(): void }): void {
    for (const reference of this.#handles) {
      if (reference.deref() === undefined) this.#handles.delete(reference);
    }
    this.#handles.add(new WeakRef(handle));
  }

  close(): void {
    for (const reference of this.#handles) reference.deref()?.close();
    this.#handles.clear();
  }
}
