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
  settle(outcome: boolean | Error): void;
}

/** What a queue needs of its producer. */
export interface Sink {
  /** False: no room now. */
  put(record: Input): boolean;
  /** The same question without an attempt, which would count as a refusal. */
  hasRoom(byteLength: number): boolean;
  consumerAlive(): boolean;
}

/** Writes that wait for room without blocking, first come first served. */
export class WriteQueue {
  readonly #sink: Sink;
  readonly #writes: PendingWrite[] = [];
  #waiter: Waiter | undefined;
  #ticket = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get length(): number {
    return this.#writes.length;
  }

  /** The ticket of the write that was queued last. */
  get last(): number {
    return this.#ticket;
  }

  /** Whether one of the writes up to `ticket` still waits. */
  waitsFor(ticket: number): boolean {
    const first = this.#writes[0];
    return first !== undefined && first.ticket <= ticket;
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
        deadline: performance.now() + timeoutMs,
        settle(outcome) {
          signal?.removeEventListener('abort', onAbort);
          if (typeof outcome === 'boolean') resolve(outcome);
          else reject(outcome);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#writes.push(write);
      this.#start();
    });
  }

  /** Writes what there is room for. True when nothing is left. */
  pump(): boolean {
    const now = performance.now();
    for (let i = this.#writes.length - 1; i > 0; i--) {
      const write = this.#writes[i] as PendingWrite;
      if (write.deadline <= now) this.#drop(write, false);
    }
    for (let write = this.#writes[0]; write !== undefined; write = this.#writes[0]) {
      const outcome = this.#attempt(write);
      if (outcome !== undefined) this.#drop(write, outcome);
      else if (write.deadline <= now) this.#drop(write, false);
      else return false;
    }
    return true;
  }

  /** Fails everything that is still waiting. */
  close(): void {
    this.#waiter?.stop();
    this.#waiter = undefined;
    const closed = () => new RingError('CLOSED', 'the producer was closed before this record was written');
    for (const write of this.#writes.splice(0)) write.settle(closed());
  }

  #attempt(write: PendingWrite): boolean | Error | undefined {
    try {
      if (this.#sink.hasRoom(write.byteLength) && this.#sink.put(write.record)) return true;
      if (write.requireConsumer && !this.#sink.consumerAlive()) return noConsumer();
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  #drop(write: PendingWrite, outcome: boolean | Error): void {
    const index = this.#writes.indexOf(write);
    if (index < 0) return;
    this.#writes.splice(index, 1);
    write.settle(outcome);
  }

  #start(): void {
    if (this.#waiter !== undefined) return;
    this.#waiter = new Waiter();
    const look = () => this.pump() || undefined;
    const done = () => {
      this.#waiter = undefined;
      if (this.#writes.length > 0) this.#start();
    };
    this.#waiter.until(look, { timeoutMs: Number.POSITIVE_INFINITY }).then(done);
  }
}

export function noConsumer(): RingError {
  return new RingError('NO_CONSUMER', 'the ring is full and no living consumer is attached');
}
