// The sender as seen from the receiver: ask it for something and wait for its answer.

/** The other process said that it failed, or ended. */
export class PeerError extends Error {}

export class Peer {
  #child;
  /** @type {Map<string, (answer: Record<string, unknown>) => void>} */
  #waiting = new Map();
  /** Rejects when the sender fails or ends. */
  failure;

  /** @param {import('node:child_process').ChildProcess} child */
  constructor(child) {
    this.#child = child;
    this.failure = new Promise((/** @type {(value: never) => void} */ _, reject) => {
      child.on('message', (/** @type {Record<string, unknown>} */ answer) => {
        if ('error' in answer) reject(new PeerError(`The sender failed: ${answer.error}`));
        for (const key of Object.keys(answer)) this.#waiting.get(key)?.(answer);
      });
      child.on('exit', (code, name) =>
        reject(new PeerError(`The sender ended by itself (${name ?? code}).`)),
      );
      child.on('error', (error) =>
        reject(new PeerError(`The sender could not be started: ${error.message}`)),
      );
    });
    // It is looked at together with whatever is waited for; until then it is no unhandled rejection.
    this.failure.catch(() => {});
  }

  /** Its standard output. */
  get output() {
    if (this.#child.stdout === null) throw new Error('started without a pipe');
    return this.#child.stdout;
  }

  /**
   * Sends an order. What it answers comes with `answer`.
   *
   * @param {import('./sender.mjs').Order} order
   */
  tell(order) {
    this.#child.send(order);
  }

  /**
   * The message that has `key`, once it comes. Ask before telling.
   *
   * @param {string} key
   * @returns {Promise<Record<string, unknown>>}
   */
  answer(key) {
    const told = new Promise((/** @type {(answer: Record<string, unknown>) => void} */ resolve) => {
      this.#waiting.set(key, resolve);
    });
    return this.unlessItFails(told);
  }

  /**
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  unlessItFails(promise) {
    return Promise.race([promise, this.failure]);
  }
}
