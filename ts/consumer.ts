import { type Batch, type BatchOwner, OpenBatch, watchBatches } from './batch.js';
import { checkHandler, type DrainHandler, refuseToWait } from './drain-handler.js';
import { RingError } from './errors.js';
import { type OpenHandles, ownHandles } from './handles.js';
import { moved } from './memory.js';
import { NO_HANDLE, native } from './native.js';
import {
  batchesOptions,
  type DrainOptions,
  drainOptions,
  recordLimit,
  SPIN_MICROS,
  timeoutOf,
  type WaitOptions,
  waitOptions,
} from './options.js';
import type { Obstacle } from './stats.js';
import { Tenure } from './tenure.js';
import { afterThisTurn, endTurnAnyway, thisTurn } from './turn.js';
import { Deadline, Turns, Waiter, type WaitResult } from './wait.js';

const { advance, peek, release, waitAndPeek } = native;

/** Records that are looked at with one call of the addon. */
const RUN = 1024;
/** Records that an iterator looks at in advance: few, so that a burst is not copied long before its use. */
const LOOK_AHEAD = 64;

/** What a consumer may be busy with: nothing, a batch that is open, or else a handler in the turn of that number. */
const NOTHING = 0;
const BATCH = -1;

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
  /** {@link NOTHING}, {@link BATCH}, or the turn in which a drain began: in a later one it is over, whatever ended it. */
  #busy = NOTHING;
  #closing = false;
  readonly #tenure: Tenure;
  /** For the next batch; an open one has it. */
  #batchOwner: BatchOwner | undefined;
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
    this.#memory = native.consumerMemory(handle, scratch);
    const tenure = new Tenure(handle);
    this.#tenure = tenure;
    this.#forget = own.add(this, () => tenure.close());
  }

  /** Copies one record out and releases it. Undefined when there is none now. */
  tryRead(): Buffer | undefined {
    this.#check();
    if (this.#peek(1, false) === 0) return undefined;
    const run = this.#run;
    const record = this.#copy(0);
    this.#checkRun(run);
    release(this.#handle, 1);
    return record;
  }

  /**
   * Hands the records that are there to `handler`, up to `limit`, without copying; returns how
   * many. Each run of them is released after the handler has returned from its last. If the
   * handler throws, the records before are released, that one stays first, and the error is thrown.
   * The bytes are the handler's until it returns: one that returns a promise is refused in the same way.
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
    const run = this.#run;
    const ranges = this.#ranges.slice(0, 2 * count);
    const owner = this.#batchOwner ?? this.#lend();
    const batch = new OpenBatch(owner, this.#memory, ranges, this.#base[0] as number);
    this.#checkRun(run);
    // From here to the return nothing is called, so that nobody is stopped in between.
    this.#batchOwner = undefined;
    this.#tenure.lent = true;
    this.#busy = BATCH;
    return batch;
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
        this.#checkRun(run);
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
    if (this.#handle === NO_HANDLE) return;
    if (this.#busy !== BATCH && this.#isBusy()) {
      this.#closing = true;
      // The drain does it at its end, if it comes to one.
      afterThisTurn(() => this.#closeIfAsked());
      return;
    }
    this.#close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #close(): void {
    this.#handle = NO_HANDLE;
    this.#closing = false;
    this.#tenure.close();
    this.#forget();
  }

  #closeIfAsked(): void {
    if (this.#closing) this.#close();
  }

  #check(): void {
    if (this.#busy !== NOTHING) this.#checkBusy();
    if (this.#handle === NO_HANDLE) throw new RingError('CLOSED', 'this consumer is closed');
    if (this.#memory.length === 0) throw moved('consumer');
  }

  #checkBusy(): void {
    if (this.#isBusy()) {
      const what =
        this.#busy === BATCH ? 'a batch is open: release or dispose it first' : 'inside its own drain';
      throw new RingError('REENTRANT', `this consumer cannot read while ${what}`);
    }
    this.#closeIfAsked();
  }

  /** Whether what it was busy with goes on. */
  #isBusy(): boolean {
    if (this.#busy === NOTHING) return false;
    if (this.#busy === BATCH) {
      if (this.#tenure.lent) return true;
    } else if (this.#busy === thisTurn()) {
      endTurnAnyway();
      return true;
    }
    // The batch was dropped and collected, or the drain was stopped for good.
    this.#busy = NOTHING;
    return false;
  }

  /** Between a look and what follows from it runs code of the runtime's, which a program may have replaced. */
  #checkRun(run: number): void {
    if (run === this.#run) return;
    throw new RingError('REENTRANT', 'this consumer was read while it copied a record out');
  }

  /** What the next batch gets. An arrow function of the consumer's would hold it for good: each has an owner of its own. */
  #lend(): BatchOwner {
    const owner: BatchOwner = {
      releaseBatch: (count) => release(this.#handle, count),
      endBatch: () => {
        this.#batchOwner = owner;
        this.#busy = NOTHING;
        this.#tenure.endBatch();
      },
    };
    return watchBatches(owner, this.#tenure);
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
    this.#busy = thisTurn();
    try {
      while (count > 0) {
        const position = this.#base[0] as number;
        const begin = ranges[0] as number;
        let done = 0;
        let more = true;
        try {
          while (more && done < count) {
            const start = ranges[2 * done] as number;
            const end = ranges[2 * done + 1] as number;
            const answer: unknown = handler(memory, start, end, position + (start - begin) / 8);
            if (answer !== undefined) {
              if (answer === false) more = false;
              else if (answer !== true) refuseToWait(answer);
            }
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
      this.#busy = NOTHING;
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
