/** Waiting without blocking: looks again and again, at first often, then less and less. */

import { whenAborted } from './abort.js';
import { abortError } from './errors.js';

export type WaitResult = 'ready' | 'timeout' | 'ended';

/** Turns of the event loop that are taken without a pause. */
const TURNS = 64;
/** Pauses between looks, in milliseconds: the least, the most, and how fast they grow. */
const LEAST = 1;
const MOST = 16;
const GROWTH = 1.5;
/** Pause while a death may be what is waited for. */
const URGENT = 2;

/** Something that waits: whether it keeps the process alive can be changed while it does. */
export class Waiter {
  #next: { ref(): unknown; unref(): unknown } | undefined;
  #cancel: (() => void) | undefined;
  #referenced: boolean;
  #turns = 0;
  #pause = LEAST;
  /** The time, as `performance.now()` counts, at which the look that ends a pause is due at latest. */
  lookBy = Number.POSITIVE_INFINITY;

  constructor(referenced = true) {
    this.#referenced = referenced;
  }

  set referenced(referenced: boolean) {
    this.#referenced = referenced;
    if (referenced) this.#next?.ref();
    else this.#next?.unref();
  }

  /** What is waited for has come nearer: looks as often as at first. */
  beginAnew(): void {
    this.#turns = 0;
    this.#pause = LEAST;
  }

  /**
   * Calls `look` until it answers something, and resolves to that; to undefined after `timeoutMs`.
   * What `look` throws rejects. Nobody rings for a death: while one may be waited for, `urgent` says so.
   */
  until<T>(
    look: () => T | undefined,
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
    urgent: () => boolean = () => false,
  ): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(abortError(signal));
        return;
      }
      const deadline = performance.now() + timeoutMs;
      let forget: (() => void) | undefined;
      const finish = (settle: () => void) => {
        forget?.();
        this.stop();
        settle();
      };
      const turn = () => {
        this.#next = undefined;
        this.#cancel = undefined;
        let answer: T | undefined;
        try {
          answer = look();
        } catch (error) {
          finish(() => reject(error));
          return;
        }
        const now = performance.now();
        const left = deadline - now;
        if (answer !== undefined || left <= 0) {
          finish(() => resolve(answer));
          return;
        }
        if (this.#turns < TURNS) {
          this.#turns++;
          const immediate = setImmediate(turn);
          this.#next = immediate;
          this.#cancel = () => clearImmediate(immediate);
        } else {
          const pause = urgent() ? URGENT : this.#pause;
          const timer = setTimeout(turn, Math.min(pause, left, this.lookBy - now));
          this.#pause = Math.min(this.#pause * GROWTH, MOST);
          this.#next = timer;
          // Not clearImmediate, which takes a timer for an immediate and then loses count of them.
          this.#cancel = () => clearTimeout(timer);
        }
        if (!this.#referenced) this.#next.unref();
      };
      if (signal) forget = whenAborted(signal, (error) => finish(() => reject(error)));
      turn();
    });
  }

  /** Takes no further look; what was promised then stays open. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#next = undefined;
  }
}

/** Milliseconds of work between two turns of the event loop. */
export const TURN_MS = 1;

/**
 * Turns of the event loop for those who find what they wait for at once, again and again: promises
 * alone never let timers, signals and sockets have theirs.
 */
export class Turns {
  #last = performance.now();

  get due(): boolean {
    return performance.now() - this.#last >= TURN_MS;
  }

  /** One turn. */
  async take(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#last = performance.now();
  }
}

/** What is left of a time-out that began at `start`. */
export class Deadline {
  readonly #at: number;

  constructor(timeoutMs: number) {
    this.#at = timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : performance.now() + timeoutMs;
  }

  /** Milliseconds, not negative. */
  get left(): number {
    return this.#at === Number.POSITIVE_INFINITY ? this.#at : Math.max(0, this.#at - performance.now());
  }
}
