import { RingError } from './errors.js';
import { invalid } from './options.js';

/**
 * Records that were looked at and are still first in line. Exactly one is open at a time. One that is dropped ends
 * when it is collected; its memory is good for no longer.
 */
export interface Batch extends Disposable {
  readonly count: number;
  /** The data area in which the ranges lie; see `Producer.memory` for what takes it away. The mapping outlives `close()` until the batch ends. */
  readonly memory: Buffer;
  /** Start and end of each record in `memory`: start, end, start, end, … */
  readonly ranges: Uint32Array;
  /** Position of record `i`, in units of 8 bytes since the ring was made. */
  positionAt(i: number): number;
  /** Releases the first `count` records, all by default, and ends the batch; the others stay first in line. */
  release(count?: number): void;
}

/**
 * What a batch needs of its consumer, and its proof that it is open: one object, which either of them has. When it
 * is collected before the consumer has it back, the batch was dropped.
 */
export interface BatchOwner {
  releaseBatch(count: number): void;
  endBatch(): void;
}

/** What an open batch keeps. It holds neither the batch nor the consumer. */
export interface Lent {
  endBatch(): void;
}

const dropped = new FinalizationRegistry<Lent>((lent) => lent.endBatch());

/** Ends the batch that is collected together with `owner`. To be called once an owner, not once a batch. */
export function watchBatches(owner: BatchOwner, lent: Lent): BatchOwner {
  dropped.register(owner, lent);
  return owner;
}

export class OpenBatch implements Batch {
  readonly memory: Buffer;
  readonly ranges: Uint32Array;
  readonly #first: number;
  readonly #start: number;
  #owner: BatchOwner | undefined;

  constructor(owner: BatchOwner, memory: Buffer, ranges: Uint32Array, position: number) {
    this.#owner = owner;
    this.memory = memory;
    this.ranges = ranges;
    this.#first = position;
    this.#start = ranges[0] as number;
  }

  get count(): number {
    return this.ranges.length / 2;
  }

  positionAt(i: number): number {
    const start = Number.isInteger(i) ? this.ranges[2 * i] : undefined;
    if (start === undefined) throw invalid('i', `a whole number below ${this.count}`, i);
    return this.#first + (start - this.#start) / 8;
  }

  release(count: number = this.count): void {
    const owner = this.#owner;
    if (owner === undefined) throw new RingError('CLOSED', 'this batch has ended');
    if (!Number.isInteger(count) || count < 0 || count > this.count) {
      throw invalid('count', `a whole number up to ${this.count}`, count);
    }
    owner.releaseBatch(count);
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    const owner = this.#owner;
    this.#owner = undefined;
    owner?.endBatch();
  }
}
