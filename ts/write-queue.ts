import { abortError, RingError } from './errors.js';
import type { Input } from './input.js';
import { Waiter } from './wait.js';

/** Whether a record was written, and who answers for it. */
interface PendingWrite {
  readonly record: Input;
  readonly byteLength: number;
  /** Grows from write to write. */
  readonly ticket: number;
  readonly deadline: number;
  readonly requireConsumer: boolean;
  /** Where the producer's last record ended before an attempt that has not come to its end. */
  tried: number | undefined;
  settle(outcome: boolean | Error): void;
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

/** Writes that wait for room without blocking, first come first served. */
export class WriteQueue {
  readonly #sink: Sink;
  /** In the order of the calls. A set, since one goes at a time and there may be very many. */
  readonly #writes = new Set<PendingWrite>();
  #waiter: Waiter | undefined;
  #ticket = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get length(): number {
    return this.#writes.size;
  }

  /** The ticket of the write that was queued last. */
  get last(): number {
    return this.#ticket;
  }

  /** Whether one of the writes up to `ticket` still waits. */
  waitsFor(ticket: number): boolean {
    for (const first of this.#writes) return first.ticket <= ticket;
    return false;
  }

  push(
    record: Input,
    byteLength: number,
    options: { timeoutMs: number; signal: AbortSignal | undefined; requireConsumer: boolean },
  ): Promise<boolean> {
    const { signal, timeoutMs, requireConsumer } = options;
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#drop(write, abortError(signal as AbortSignal));
      const write: PendingWrite = {
        record,
        byteLength,
        ticket: ++this.#ticket,
        requireConsumer,
        tried: undefined,
        deadline: performance.now() + timeoutMs,
        settle(outcome) {
          signal?.removeEventListener('abort', onAbort);
          if (typeof outcome === 'boolean') resolve(outcome);
          else reject(outcome);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#writes.add(write);
      this.#start();
    });
  }

  /** Writes what there is room for. True when nothing is left. */
  pump(): boolean {
    const now = performance.now();
    let first = true;
    for (const write of this.#writes) {
      // Whoever stands first may be written even now, before it is told that it is too late.
      const outcome = first ? this.#attempt(write) : undefined;
      if (outcome !== undefined) this.#drop(write, outcome);
      else if (write.deadline <= now) this.#drop(write, false);
      else first = false;
    }
    return this.#writes.size === 0;
  }

  /** Fails everything that is still waiting. */
  close(): void {
    this.#waiter?.stop();
    this.#waiter = undefined;
    const closed = () => new RingError('CLOSED', 'the producer was closed before this record was written');
    const writes = [...this.#writes];
    this.#writes.clear();
    for (const write of writes) write.settle(closed());
  }

  #attempt(write: PendingWrite): boolean | Error | undefined {
    try {
      // Stopped for good (out of time in `node:vm`) when it had been written: nobody else writes meanwhile.
      if (write.tried !== undefined && write.tried !== this.#sink.position()) return true;
      if (this.#sink.hasRoom(write.byteLength)) {
        write.tried = this.#sink.position();
        if (this.#sink.put(write.record)) return true;
        write.tried = undefined;
      }
      if (write.requireConsumer && !this.#sink.consumerAlive()) return noConsumer();
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  #drop(write: PendingWrite, outcome: boolean | Error): void {
    if (this.#writes.delete(write)) write.settle(outcome);
  }

  #start(): void {
    if (this.#waiter !== undefined) return;
    this.#waiter = new Waiter();
    const look = () => this.pump() || undefined;
    const done = () => {
      this.#waiter = undefined;
      if (this.#writes.size > 0) this.#start();
    };
    this.#waiter.until(look, { timeoutMs: Number.POSITIVE_INFINITY }).then(done);
  }
}

export function noConsumer(): RingError {
  return new RingError('NO_CONSUMER', 'the ring is full and no living consumer is attached');
}
