import { ClaimWatch } from './claim-watch.js';
import { abortError, RingError } from './errors.js';
import { type OpenHandles, ownHandles } from './handles.js';
import { HotPath } from './hot-path.js';
import { allBytes, allBytesOf, byteLengthOf, bytesOf, type Input, isArray } from './input.js';
import { moved } from './memory.js';
import { NO_HANDLE, native } from './native.js';
import {
  byteLength as checkedLength,
  invalid,
  type PendingLimits,
  SPIN_MICROS,
  timeoutOf,
  type WaitOptions,
  type WriteOptions,
  waitOptions,
  writeOptions,
  writeSyncOptions,
} from './options.js';
import { Deadline, Turns, Waiter, type WaitResult } from './wait.js';
import { noConsumer, type Sink, WriteQueue } from './write-queue.js';

const { tryWrite, tryWriteString, tryWriteBatch } = native;

/** The most records that are handed to the addon as arguments of one call. */
const BATCH_ARGUMENTS = 4096;

/** Frees what the addon holds for a producer that nobody has. */
export function endProducer(handle: number): void {
  native.closeProducer(handle);
}

/** A writer: the only one of an `spsc` ring, one of up to 254 of an `mpsc` ring. Made by `ring.producer()`. */
export class Producer implements Disposable, AsyncDisposable {
  #handle: number;
  readonly #memory: Buffer;
  readonly #maxRecord: number;
  /** Writes that wait: nothing may overtake them. */
  readonly #queue: WriteQueue;
  /** Gives the slot back, once. */
  readonly #end: () => void;
  readonly #forget: () => void;
  readonly #turns = new Turns();
  readonly #claimWatch: ClaimWatch | undefined;
  readonly #hotPath: HotPath | undefined;

  /** @internal */
  constructor(
    handle: number,
    ring: { kind: 'spsc' | 'mpsc'; maxRecord: number },
    pending: PendingLimits,
    handles: OpenHandles,
  ) {
    const own = ownHandles(handles, 'ring.producer()');
    this.#queue = new WriteQueue(this.#sink(), pending);
    this.#handle = handle;
    this.#maxRecord = ring.maxRecord;
    // An open claim of an spsc ring is in nobody's way.
    this.#claimWatch = ring.kind === 'mpsc' ? new ClaimWatch() : undefined;
    this.#memory = native.producerMemory(handle);
    this.#hotPath =
      ring.kind === 'spsc' && process.env.SHMRING_HOT_PATH !== 'off' ? HotPath.of(handle) : undefined;
    let ended = false;
    this.#end = () => {
      if (ended) return;
      // From here on the handle's number may be somebody else's.
      ended = true;
      native.closeProducer(handle);
    };
    this.#forget = own.add(this, this.#end);
  }

  /**
   * Copies one record in. False when there is no room now, or while a `write` is pending. In an `spsc` ring
   * a record of more than half the capacity may find no room even when all is read: what it does not fit
   * behind must be passed over first, which the consumer does when it looks the next time.
   */
  tryWrite(record: Input): boolean {
    return this.#queue.length === 0 && this.#put(record);
  }

  /** Waits for room, and for the `write`s that are pending, blocking this thread. False: timed out. */
  writeSync(record: Input, options?: { timeoutMs?: number; requireConsumer?: boolean }): boolean {
    const { timeoutMs, requireConsumer } = writeSyncOptions(options);
    if (this.tryWrite(record)) return true;
    const deadline = new Deadline(timeoutMs);
    for (;;) {
      if (requireConsumer && !this.consumerAlive()) throw noConsumer();
      const { left } = deadline;
      // Asked each time: where another thread lets a view grow meanwhile, room for the old one is none.
      if (this.#isTurn(this.#fitting(byteLengthOf(record)), left) && this.#put(record)) return true;
      if (left === 0) return false;
    }
  }

  /**
   * Waits for room without blocking, in the order of the calls. False: timed out, or as much is pending
   * as may be (`pending` of `ring.producer()`), and nothing was queued. The record is copied when room
   * appears: leave it alone until then.
   */
  async write(record: Input, options?: WriteOptions): Promise<boolean> {
    const checked = writeOptions(options, 'producer.write()');
    this.#check();
    if (checked.signal?.aborted) throw abortError(checked.signal);
    const byteLength = this.#fitting(byteLengthOf(record));
    const written = this.#queue.length === 0 && this.#put(record);
    if (!written && this.#queue.accepts(byteLength)) return this.#queue.push(record, byteLength, checked);
    if (this.#turns.due) await this.#turns.take();
    return written;
  }

  /** The `write`s that wait for room now, and the bytes of their records. */
  get pending(): { records: number; bytes: number } {
    return { records: this.#queue.length, bytes: this.#queue.bytes };
  }

  /**
   * Copies records in, all of them checked before any is written; returns how many were written.
   * Readers see them all at once or, if this process dies, none. More than `ring.maxRecord` bytes,
   * headers and padding to 8 included, go in several such parts, and the first that does not fit
   * now ends it.
   */
  tryWriteBatch(records: readonly Input[]): number {
    if (!isArray(records)) throw invalid('records', 'an array', records);
    if (this.#queue.length !== 0) return 0;
    if (records.length > BATCH_ARGUMENTS) return native.tryWriteMany(this.#handle, allBytesOf(records));
    const views = allBytes(records) ? records : allBytesOf(records);
    return tryWriteBatch(this.#handle, ...views);
  }

  /**
   * The data area: one stable object a handle, of length 0 after `close`. What transfers its bytes, `transfer()` or
   * a byte stream, takes the whole of it from this handle: no claim can be made any more. So let no BYOB reader
   * read into a claim; read into a buffer and copy, or use `fs.read`, which leaves the memory where it is.
   */
  get memory(): Buffer {
    return this.#memory;
  }

  /**
   * Opens a claim of `byteLength` bytes and returns where it starts in `memory` (a multiple of 8),
   * or -1 when there is no room now, or while a `write` is pending. Write there, then commit, in the same
   * turn: in an `mpsc` ring every record behind an open claim waits.
   */
  tryClaim(byteLength: number): number {
    const length = checkedLength(byteLength);
    if (this.#memory.length === 0 && !this.closed) throw moved('producer');
    if (this.#queue.length !== 0) return -1;
    const offset = native.tryClaim(this.#handle, length);
    if (offset >= 0) this.#claimWatch?.opened();
    return offset;
  }

  /** Commits the open claim, or its first `byteLength` bytes. */
  commit(byteLength?: number): void {
    native.commit(this.#handle, byteLength === undefined ? undefined : checkedLength(byteLength));
    this.#claimWatch?.closed();
  }

  /** Gives the open claim back. */
  abort(): void {
    native.abort(this.#handle);
    this.#claimWatch?.closed();
  }

  /**
   * Waits until a record of `byteLength` bytes would be accepted, behind the `write`s that are pending;
   * `'ended'` when the ring is sealed.
   */
  async waitForRoom(byteLength: number, options?: WaitOptions): Promise<WaitResult> {
    const length = this.#fitting(checkedLength(byteLength));
    const checked = waitOptions(options, 'producer.waitForRoom()');
    this.#check();
    const look = () => this.#room(() => this.#queue.length === 0 && this.#hasRoom(length, 0));
    return (await this.#until(look, checked)) ?? 'timeout';
  }

  /** The same, blocking this thread. */
  waitForRoomSync(byteLength: number, options?: { timeoutMs?: number }): WaitResult {
    const length = this.#fitting(checkedLength(byteLength));
    const deadline = new Deadline(timeoutOf(options, 'producer.waitForRoomSync()'));
    this.#check();
    for (;;) {
      const { left } = deadline;
      const answer = this.#room(() => this.#isTurn(length, left));
      if (answer !== undefined) return answer;
      if (left === 0) return 'timeout';
    }
  }

  /**
   * Waits until a consumer has released everything that this producer wrote. False: timed out. With
   * `requireConsumer` it rejects with `NO_CONSUMER` when something is not released and no consumer lives.
   */
  async flush(options?: WriteOptions): Promise<boolean> {
    const checked = writeOptions(options, 'producer.flush()');
    this.#check();
    const last = this.#queue.last;
    let position: number | undefined;
    const isReleased = () => {
      // What is queued later is not waited for.
      if (this.#queue.waitsFor(last)) return false;
      position ??= native.producerPosition(this.#handle);
      return native.isReleased(this.#handle, position);
    };
    const look = () => {
      this.#check();
      if (isReleased()) return true;
      if (!checked.requireConsumer || this.consumerAlive()) return undefined;
      // It may have released the rest before it closed.
      if (isReleased()) return true;
      throw noConsumer('not everything is released');
    };
    return (await this.#until(look, checked)) ?? false;
  }

  /** Whether a living consumer is attached: a probe of a lock. */
  consumerAlive(): boolean {
    return native.consumerAlive(this.#handle);
  }

  get closed(): boolean {
    return this.#handle === NO_HANDLE;
  }

  /** A clean end. An open claim is aborted; pending writes are rejected. */
  close(): void {
    if (this.#handle === NO_HANDLE) return;
    this.#handle = NO_HANDLE;
    this.#end();
    this.#forget();
    this.#queue.close();
    this.#claimWatch?.closed();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Closes when the writes are settled that are pending at its call. It waits for them as long as a consumer
   * lives, however slow; while none does they are rejected with `NO_CONSUMER`.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const last = this.#queue.last;
    const look = () => {
      if (!this.#queue.waitsFor(last)) return true;
      // One that is gone by now may have made room.
      if (this.consumerAlive() || this.#queue.pump()) return undefined;
      this.#queue.fail(noConsumer());
      return true;
    };
    try {
      await new Waiter().until(look, { timeoutMs: Number.POSITIVE_INFINITY });
    } finally {
      this.close();
    }
  }

  /** `tryWrite` without regard to the queue. */
  #put(record: Input): boolean {
    if (typeof record === 'string') return tryWriteString(this.#handle, record) === undefined;
    const hotPath = this.#hotPath;
    if (hotPath?.tryWrite(record)) return true;
    const written = tryWrite(this.#handle, bytesOf(record)) === undefined;
    hotPath?.refresh();
    return written;
  }

  /** Not part of the constructor: what is called when this is collected is made there, and must not know of `this`. */
  #sink(): Sink {
    return {
      put: (record) => this.#put(record),
      hasRoom: (byteLength) => this.#hasRoom(byteLength, 0),
      consumerAlive: () => this.consumerAlive(),
      position: () => native.producerPosition(this.#handle),
    };
  }

  /** Blocks for one slice at most. */
  #hasRoom(byteLength: number, limitMs: number): boolean {
    return native.waitForRoom(this.#handle, byteLength, limitMs, limitMs === 0 ? 0 : SPIN_MICROS);
  }

  /**
   * Whether a record of `byteLength` bytes would be accepted now. Blocks for one slice at most, for whatever
   * is first in line: while others wait, room for a later one is nothing to wake up for.
   */
  #isTurn(byteLength: number, limitMs: number): boolean {
    const queue = this.#queue;
    queue.pump();
    const { need } = queue;
    if (need === undefined) return this.#hasRoom(byteLength, limitMs);
    this.#hasRoom(Math.min(need, this.#maxRecord), limitMs);
    // Without room too: it may have waited long enough.
    queue.pump();
    return queue.length === 0 && this.#hasRoom(byteLength, 0);
  }

  #room(look: () => boolean): 'ready' | 'ended' | undefined {
    this.#check();
    if (native.producerSealed(this.#handle)) return 'ended';
    return look() ? 'ready' : undefined;
  }

  /** Waits without blocking, and gives others their turn even where there is nothing to wait for. */
  async #until<T>(
    look: () => T | undefined,
    limits: { timeoutMs: number; signal: AbortSignal | undefined },
  ): Promise<T | undefined> {
    const answer = await new Waiter().until(look, limits);
    if (this.#turns.due) await this.#turns.take();
    return answer;
  }

  #fitting(byteLength: number): number {
    if (byteLength <= this.#maxRecord) return byteLength;
    throw new RingError(
      'TOO_LARGE',
      `a record of ${byteLength} bytes is larger than this ring's largest of ${this.#maxRecord} bytes`,
      { byteLength, maxRecord: this.#maxRecord },
    );
  }

  #check(): void {
    if (this.#handle === NO_HANDLE) throw new RingError('CLOSED', 'this producer is closed');
  }
}
