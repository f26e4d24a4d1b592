/** Waiting without blocking: looks again and again, at first often, then less and less. */

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

  constructor(referenced = true) {
    this.#referenced = referenced;
  }

  set referenced(referenced: boolean) {
    this.#referenced = referenced;
    if (referenced) this.#next?.ref();
    else this.#next?.unref();
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
      let turns = 0;
      let pause = LEAST;
      const finish = (settle: () => void) => {
        signal?.removeEventListener('abort', onAbort);
        this.stop();
        settle();
      };
      const onAbort = () => finish(() => reject(abortError(signal as AbortSignal)));
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
        const left = deadline - performance.now();
        if (answer !== undefined || left <= 0) {
          finish(() => resolve(answer));
          return;
        }
        if (turns < TURNS) {
          turns++;
          const immediate = setImmediate(turn);
          this.#next = immediate;
          this.#cancel = () => clearImmediate(immediate);
        } else {
          const timer = setTimeout(turn, Math.min(urgent() ? URGENT : pause, left));
          pause = Math.min(pause * GROWTH, MOST);
          this.#next = timer;
          // Not clearImmediate, which takes a timer for an immediate and then loses count of them.
          this.#cancel = () => clearTimeout(timer);
        }
        if (!this.#referenced) this.#next.unref();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
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
const TURN_MS = 1;

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
