import { type Batch, type BatchOwner, OpenBatch } from './batch.js';
import { RingError } from './errors.js';
import { type OpenHandles, ownHandles } from './handles.js';
import { moved, watchMoves } from './memory.js';
import { NO_HANDLE, native } from './native.js';
import {
  batchesOptions,
  type DrainOptions,
  drainOptions,
  invalid,
  recordLimit,
  SPIN_MICROS,
  timeoutOf,
  type WaitOptions,
  waitOptions,
} from './options.js';
import type { Obstacle } from './stats.js';
import { Deadline, Turns, Waiter, type WaitResult } from './wait.js';

const { advance, peek, release, waitAndPeek } = native;

/**
 * Gets the memory that records lie in, where in it one starts and ends, and its position (units of
 * 8 bytes since the ring was made). `false` stops after this one.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing is the usual one.
export type DrainHandler = (memory: Buffer, start: number, end: number, position: number) => boolean | void;

/** Records that are looked at with one call of the addon. */
const RUN = 1024;
/** Records that an iterator looks at in advance: few, so that a burst is not copied long before its use. */
const LOOK_AHEAD = 64;

function checkHandler(handler: unknown): void {
  if (typeof handler !== 'function') throw invalid('handler', 'a function', handler);
}

const NOTHING = () => undefined;

/** Frees what the addon holds for a consumer that nobody has. */
export function endConsumer(handle: number): void {
  native.closeConsumer(handle);
  native.retireConsumer(handle);
}

/** The one reader of a ring. Made by `ring.consumer()`. */
export class Consumer implements AsyncIterable<Buffer>, Disposable {
  #handle: number;
  readonly #memory: Buffer;
  /** Position of the first record of the last run. */
  readonly #base: Float64Array;
  /** How `waitAndPeek` is to wait: milliseconds, microseconds without sleep, microseconds of lag. */
  readonly #pace: Float64Array;
  /** Starts and ends of the last run's records. */
  readonly #ranges: Uint32Array;
  /** Grows whenever the run changes, so that an iterator notices. */
  #run = 0;
  #busy: 'handler' | 'batch' | undefined;
  #closing = false;
  readonly #batchOwner: BatchOwner = {
    releaseBatch: (count) => release(this.#handle, count),
    endBatch: () => {
      this.#busy = undefined;
      this.#retire();
    },
  };
  #referenced = true;
  readonly #waiters = new Set<Waiter>();
  readonly #turns = new Turns();
  readonly #forget: () => void;

  /** @internal */
  constructor(handle: number, handles: OpenHandles) {
    const own = ownHandles(handles, 'ring.consumer()');
    const scratch = new ArrayBuffer(32 + 8 * RUN);
    this.#handle = handle;
    this.#base = new Float64Array(scratch, 0, 1);
    this.#pace = new Float64Array(scratch, 8, 3);
    this.#ranges = new Uint32Array(scratch, 32);
    this.#memory = watchMoves(native.consumerMemory(handle, scratch), () =>
      native.consumerMemoryMoves(handle),
    );
    this.#forget = own.add(this, () => endConsumer(handle));
  }

  /** Copies one record out and releases it. Undefined when there is none now. */
  tryRead(): Buffer | undefined {
    this.#check();
    if (this.#peek(1, false) === 0) return undefined;
    const record = this.#copy(0);
    release(this.#handle, 1);
    return record;
  }

  /**
   * Hands the records that are there to `handler`, up to `limit`, without copying; returns how
   * many. Each run of them is released after the handler has returned from its last. If the
   * handler throws, the records before are released, that one stays first, and the error is thrown.
   */
  drain(handler: DrainHandler, limit?: number): number {
    checkHandler(handler);
    const most = recordLimit(limit);
    this.#check();
    return this.#drain(handler, this.#peek(most, true), most);
  }

  /** Like `drain`, but waits for the first record: looks busily, then sleeps. 0 after the time-out or at the end. */
  drainSync(handler: DrainHandler, options?: DrainOptions): number {
    checkHandler(handler);
    const { limit, timeoutMs, spinMicros, lagMicros } = drainOptions(options);
    this.#check();
    if (limit === 0) return 0;
    this.#run++;
    // The most frequent case: a record is there by the first look.
    let count = this.#waitAndPeek(limit, timeoutMs, spinMicros, lagMicros);
    if (count === 0) {
      const deadline = new Deadline(timeoutMs);
      const spin = new Deadline(spinMicros / 1000);
      while (count === 0) {
        if (this.ended !== false || deadline.left === 0) return 0;
        count = this.#waitAndPeek(limit, deadline.left, spin.left * 1000, 0);
      }
    }
    return this.#drain(handler, count, limit);
  }

  /**
   * Looks at up to `limit` records (at most 1024, and no more than an eighth of the capacity unless
   * one record is larger) without releasing them.
   */
  peek(limit?: number): Batch | undefined {
    const most = recordLimit(limit);
    this.#check();
    const count = this.#peek(most, true);
    if (count === 0) return undefined;
    this.#busy = 'batch';
    return new OpenBatch(
      this.#batchOwner,
      this.#memory,
      this.#ranges.slice(0, 2 * count),
      this.#base[0] as number,
    );
  }

  /** Waits for batches until the stream ends. A batch that was not released comes again. */
  async *batches(options?: { limit?: number; signal?: AbortSignal }): AsyncGenerator<Batch, void, undefined> {
    const { limit, signal } = batchesOptions(options);
    for (;;) {
      if ((await this.wait({ signal })) === 'ended') return;
      const batch = this.peek(limit);
      if (batch === undefined) continue;
      try {
        yield batch;
      } finally {
        batch[Symbol.dispose]();
      }
    }
  }

  /** Waits for a record without blocking the event loop. */
  async wait(options?: WaitOptions): Promise<WaitResult> {
    const checked = waitOptions(options, 'consumer.wait()');
    this.#check();
    const waiter = new Waiter(this.#referenced);
    this.#waiters.add(waiter);
    try {
      const answer = await waiter.until(
        () => this.#news(),
        checked,
        () => this.#isBlocked(),
      );
      if (this.#turns.due) await this.#turns.take();
      return answer ?? 'timeout';
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** Waits for a record, blocking this thread: signals and timers wait too. */
  waitSync(options?: { timeoutMs?: number }): WaitResult {
    const deadline = new Deadline(timeoutOf(options, 'consumer.waitSync()'));
    this.#check();
    let busyMicros = SPIN_MICROS;
    for (;;) {
      const { left } = deadline;
      if (native.waitForRecord(this.#handle, left, busyMicros)) return 'ready';
      if (this.ended !== false) return 'ended';
      if (left === 0) return 'timeout';
      busyMicros = 0;
    }
  }

  /** Copies of the records, each released when it is handed out, until the stream ends. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      this.#check();
      const count = this.#peek(LOOK_AHEAD, true);
      if (count === 0) {
        if ((await this.wait()) === 'ended') return;
        continue;
      }
      const run = this.#run;
      // Whoever reads between two records, this loop's body for example, starts another run.
      for (let i = 0; i < count && run === this.#run; i++) {
        const record = this.#copy(i);
        release(this.#handle, i + 1);
        yield record;
        this.#check();
        if (this.#turns.due) {
          await this.#turns.take();
          this.#check();
        }
      }
    }
  }

  /** Position of the next record, in units of 8 bytes of ring space since the ring was made. */
  get position(): number {
    return native.consumerPosition(this.#handle);
  }

  /** Why there will be no further record; false while there may be. */
  get ended(): false | 'sealed' | 'no-producers' | 'producer-died' {
    return native.consumerEnd(this.#handle) ?? false;
  }

  /** Who has reserved the next record's place and not yet committed it. In an `spsc` ring nobody can. */
  get blockedBy(): Obstacle | undefined {
    return native.blockedBy(this.#handle) ?? undefined;
  }

  /** A pending wait keeps the process alive. The default. */
  ref(): this {
    return this.#reference(true);
  }

  /** A pending wait does not keep the process alive. */
  unref(): this {
    return this.#reference(false);
  }

  get closed(): boolean {
    return this.#handle === NO_HANDLE || this.#closing;
  }

  /** Frees the consumer's slot. Inside a handler it takes effect when the drain has ended. */
  close(): void {
    if (this.closed) return;
    if (this.#busy === 'handler') {
      this.#closing = true;
      return;
    }
    this.#close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #close(): void {
    const handle = this.#handle;
    this.#forget();
    this.#handle = NO_HANDLE;
    this.#closing = false;
    native.closeConsumer(handle);
    this.#retire = () => {
      this.#retire = NOTHING;
      native.retireConsumer(handle);
    };
    if (this.#busy === undefined) this.#retire();
  }

  /** Ends the memory, once the handle is closed and no batch is open. */
  #retire: () => void = NOTHING;

  #check(): void {
    if (this.#busy !== undefined) {
      const what =
        this.#busy === 'batch' ? 'a batch is open: release or dispose it first' : 'inside its own drain';
      throw new RingError('REENTRANT', `this consumer cannot read while ${what}`);
    }
    if (this.#handle === NO_HANDLE) throw new RingError('CLOSED', 'this consumer is closed');
    if (this.#memory.length === 0) throw moved('consumer');
  }

  #peek(limit: number, fresh: boolean): number {
    this.#run++;
    return peek(this.#handle, limit, fresh);
  }

  #waitAndPeek(limit: number, limitMs: number, busyMicros: number, lagMicros: number): number {
    const pace = this.#pace;
    pace[0] = limitMs;
    pace[1] = busyMicros;
    pace[2] = lagMicros;
    return waitAndPeek(this.#handle, limit);
  }

  #copy(i: number): Buffer {
    const start = this.#ranges[2 * i] as number;
    const end = this.#ranges[2 * i + 1] as number;
    const copy = Buffer.allocUnsafe(end - start);
    this.#memory.copy(copy, 0, start, end);
    return copy;
  }

  #drain(handler: DrainHandler, first: number, limit: number): number {
    const memory = this.#memory;
    const ranges = this.#ranges;
    let total = 0;
    let count = first;
    this.#busy = 'handler';
    try {
      while (count > 0) {
        const position = this.#base[0] as number;
        const begin = ranges[0] as number;
        let done = 0;
        let more = true;
        try {
          while (more && done < count) {
            const start = ranges[2 * done] as number;
            more =
              handler(memory, start, ranges[2 * done + 1] as number, position + (start - begin) / 8) !==
              false;
            done++;
          }
        } catch (error) {
          release(this.#handle, done);
          throw error;
        }
        total += done;
        if (!more || total >= limit) {
          release(this.#handle, done);
          break;
        }
        count = advance(this.#handle, done, limit - total);
      }
    } finally {
      this.#busy = undefined;
      if (this.#closing) this.#close();
    }
    return total;
  }

  #news(): 'ready' | 'ended' | undefined {
    if (this.#handle === NO_HANDLE) throw new RingError('CLOSED', 'this consumer was closed while it waited');
    if (native.waitForRecord(this.#handle, 0, 0)) return 'ready';
    return this.ended === false ? undefined : 'ended';
  }

  #isBlocked(): boolean {
    try {
      return native.isBlockedLately(this.#handle);
    } catch {
      // What is wrong, the next look says.
      return false;
    }
  }

  #reference(referenced: boolean): this {
    this.#referenced = referenced;
    for (const waiter of this.#waiters) waiter.referenced = referenced;
    return this;
  }
}
