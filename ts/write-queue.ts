import { whenAborted } from './abort.js';
import { Deadlines, type Timed } from './deadlines.js';
import { RingError } from './errors.js';
import { byteLengthOf, type Input } from './input.js';
import type { PendingLimits } from './options.js';
import { TURN_MS, Waiter } from './wait.js';

/** A write that waits: in line, and perhaps for no longer than to a deadline. */
interface PendingWrite extends Timed {
  readonly record: Input;
  readonly byteLength: number;
  /** Grows from write to write. */
  readonly ticket: number;
  readonly requireConsumer: boolean;
  /** Where the producer's last record ended before an attempt that has not come to its end. */
  tried: number | undefined;
  previous: PendingWrite | undefined;
  next: PendingWrite | undefined;
  /** Ends that an abort is listened for. */
  forget: (() => void) | undefined;
  resolve(written: boolean): void;
  reject(error: unknown): void;
}

/** What a queue needs of its producer. */
export interface Sink {
  /** False: no room now. */
  put(record: Input): boolean;
  /** The same question without an attempt, which would count as a refusal. */
  hasRoom(byteLength: number): boolean;
  consumerAlive(): boolean;
  /** Where the last record ends. */
  position(): number;
}

/**
 * Writes that wait for room without blocking, first come first served. There may be very many: what is
 * done for one does not depend on how many wait, and for those that only wait nothing is done.
 */
export class WriteQueue {
  readonly #sink: Sink;
  readonly #limits: PendingLimits;
  // In the order of the calls. Linked, so that any can leave.
  #first: PendingWrite | undefined;
  #last: PendingWrite | undefined;
  #length = 0;
  #bytes = 0;
  readonly #deadlines = new Deadlines<PendingWrite>();
  /** Those that shall not wait for nobody, wherever they stand. */
  readonly #requiring = new Set<PendingWrite>();
  #waiter: Waiter | undefined;
  #ticket = 0;

  constructor(sink: Sink, limits: PendingLimits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of the payloads that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The ticket of the write that was queued last. */
  get last(): number {
    return this.#ticket;
  }

  /** Bytes of the record that is first in line. */
  get need(): number | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    try {
      return currentLength(first);
    } catch {
      // The attempt to write it tells.
      return first.byteLength;
    }
  }

  /** Whether one of the writes up to `ticket` still waits. */
  waitsFor(ticket: number): boolean {
    return this.#first !== undefined && this.#first.ticket <= ticket;
  }

  /** Whether one more may wait. One always may. */
  accepts(byteLength: number): boolean {
    if (this.#length === 0) return true;
    const { maxRecords, maxBytes } = this.#limits;
    return this.#length < maxRecords && this.#bytes + byteLength <= maxBytes;
  }

  push(
    record: Input,
    byteLength: number,
    options: { timeoutMs: number; signal: AbortSignal | undefined; requireConsumer: boolean },
  ): Promise<boolean> {
    const { signal, timeoutMs, requireConsumer } = options;
    return new Promise((resolve, reject) => {
      const write: PendingWrite = {
        record,
        byteLength,
        ticket: ++this.#ticket,
        requireConsumer,
        tried: undefined,
        deadline: timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : performance.now() + timeoutMs,
        place: -1,
        previous: undefined,
        next: undefined,
        forget: undefined,
        resolve,
        reject,
      };
      if (signal !== undefined) {
        write.forget = whenAborted(signal, (error) => {
          this.#leave(write);
          reject(error);
        });
      }
      this.#join(write);
      this.#start();
    });
  }

  /**
   * Writes what there is room for, and ends what has waited long enough or waits for nobody, a slice of
   * work at most of each. True: something was written or ended.
   */
  pump(): boolean {
    const before = this.#length;
    if (before === 0) return false;
    const isFull = this.#write();
    this.#expire();
    if (isFull && this.#requiring.size > 0) this.#refuseWithoutConsumer();
    return this.#length < before;
  }

  /** Rejects everything that is still waiting. */
  fail(error: unknown): void {
    for (let write = this.#first; write !== undefined; write = this.#first) {
      this.#leave(write);
      write.reject(error);
    }
  }

  /** The same, for good. */
  close(): void {
    this.#waiter?.stop();
    this.#waiter = undefined;
    if (this.#length === 0) return;
    this.fail(new RingError('CLOSED', 'the producer was closed before this record was written'));
  }

  /** Whether the first in line finds no room; false where only the slice is over, or nothing waits any more. */
  #write(): boolean {
    const isOver = slice();
    for (let write = this.#first; write !== undefined; write = this.#first) {
      try {
        if (!this.#wasWritten(write) && !this.#attempt(write)) return true;
        this.#leave(write);
        write.resolve(true);
      } catch (error) {
        this.#leave(write);
        write.reject(error);
      }
      if (isOver()) return false;
    }
    return false;
  }

  /** Stopped for good (out of time in `node:vm`) when it had been written: nobody else writes meanwhile. */
  #wasWritten(write: PendingWrite): boolean {
    return write.tried !== undefined && write.tried !== this.#sink.position();
  }

  #attempt(write: PendingWrite): boolean {
    if (!this.#sink.hasRoom(currentLength(write))) return false;
    write.tried = this.#sink.position();
    const written = this.#sink.put(write.record);
    write.tried = undefined;
    return written;
  }

  #expire(): void {
    if (this.#deadlines.first === undefined) return;
    const now = performance.now();
    const isOver = slice();
    for (let write = this.#deadlines.first; write !== undefined; write = this.#deadlines.first) {
      if (write.deadline > now) return;
      this.#leave(write);
      write.resolve(false);
      if (isOver()) return;
    }
  }

  #refuseWithoutConsumer(): void {
    let error: unknown;
    try {
      if (this.#sink.consumerAlive()) return;
      error = noConsumer();
    } catch (found) {
      error = found;
    }
    const isOver = slice();
    for (const write of this.#requiring) {
      this.#leave(write);
      write.reject(error);
      if (isOver()) return;
    }
  }

  #join(write: PendingWrite): void {
    write.previous = this.#last;
    if (this.#last === undefined) this.#first = write;
    else this.#last.next = write;
    this.#last = write;
    this.#length++;
    this.#bytes += write.byteLength;
    if (write.deadline !== Number.POSITIVE_INFINITY) this.#deadlines.add(write);
    if (write.requireConsumer) this.#requiring.add(write);
  }

  /** To be called once for each, before it is settled. */
  #leave(write: PendingWrite): void {
    const { previous, next } = write;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    this.#length--;
    this.#bytes -= write.byteLength;
    this.#deadlines.delete(write);
    if (write.requireConsumer) this.#requiring.delete(write);
    write.forget?.();
  }

  #start(): void {
    if (this.#waiter !== undefined) return;
    const waiter = new Waiter();
    this.#waiter = waiter;
    const look = () => {
      if (this.pump()) waiter.beginAnew();
      waiter.lookBy = this.#deadlines.first?.deadline ?? Number.POSITIVE_INFINITY;
      return this.#length === 0 || undefined;
    };
    const done = () => {
      this.#waiter = undefined;
      if (this.#length > 0) this.#start();
    };
    waiter.until(look, { timeoutMs: Number.POSITIVE_INFINITY }).then(done);
  }
}

/** Begins a slice of work, and tells when it is over. */
function slice(): () => boolean {
  const end = performance.now() + TURN_MS;
  return () => performance.now() >= end;
}

/** A view may have grown or shrunk with its memory since the call. */
function currentLength({ record, byteLength }: PendingWrite): number {
  return typeof record === 'string' ? byteLength : byteLengthOf(record);
}

export function noConsumer(what = 'the ring is full'): RingError {
  return new RingError('NO_CONSUMER', `${what} and no living consumer is attached`);
}
