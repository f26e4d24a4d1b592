/** What an abort ends: one listener a signal, however much waits with it. Node warns of the eleventh. */

import { abortError } from './errors.js';

// Whatever somebody puts in their place.
const { addEventListener, removeEventListener } = EventTarget.prototype;

type OnAbort = (error: Error) => void;

/** What waits with one signal. */
class Waiting {
  readonly #signal: AbortSignal;
  readonly #callbacks = new Set<OnAbort>();
  readonly #listener = () => {
    ofSignal.delete(this.#signal);
    // The same for all, as the reason is: a million that wait do not need a trace of calls each.
    const error = abortError(this.#signal);
    for (const onAbort of this.#callbacks) onAbort(error);
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    addEventListener.call(signal, 'abort', this.#listener, { once: true });
    ofSignal.set(signal, this);
  }

  add(onAbort: OnAbort): void {
    this.#callbacks.add(onAbort);
  }

  delete(onAbort: OnAbort): void {
    if (!this.#callbacks.delete(onAbort) || this.#callbacks.size > 0) return;
    // While the callbacks are called another may have begun to wait with it.
    if (ofSignal.get(this.#signal) === this) ofSignal.delete(this.#signal);
    removeEventListener.call(this.#signal, 'abort', this.#listener);
  }
}

const ofSignal = new WeakMap<AbortSignal, Waiting>();

/** Calls `onAbort` at an abort, unless the returned function was called before. The signal is not yet aborted. */
export function whenAborted(signal: AbortSignal, onAbort: OnAbort): () => void {
  const waiting = ofSignal.get(signal) ?? new Waiting(signal);
  waiting.add(onAbort);
  return () => waiting.delete(onAbort);
}
