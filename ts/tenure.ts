/** What a consumer has of the addon, and when it ends. */

import { native } from './native.js';

/** Frees what the addon holds for a consumer that nobody has. */
export function endConsumer(handle: number): void {
  native.closeConsumer(handle);
  native.retireConsumer(handle);
}

/** What the addon holds for a consumer: its slot until it is closed, its memory until no batch is open either. */
export class Tenure {
  readonly #handle: number;
  #closed = false;
  #retired = false;
  /** Whether a batch is open. */
  lent = false;

  constructor(handle: number) {
    this.#handle = handle;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    native.closeConsumer(this.#handle);
    this.#retire();
  }

  endBatch(): void {
    this.lent = false;
    this.#retire();
  }

  #retire(): void {
    if (!this.#closed || this.lent || this.#retired) return;
    // From here on the handle's number may be somebody else's.
    this.#retired = true;
    native.retireConsumer(this.#handle);
  }
}
