import type { Ring, RingOptions } from 'shmring';
import { describe } from 'vitest';
import { createEnds, createRing, type Ends } from './rings.js';

const RECORD_HEADER = 8;
const MIB = 1 << 20;

/** A kind of ring, and what tests that hold for both kinds must know of the difference. */
export class Kind {
  constructor(
    readonly kind: 'spsc' | 'mpsc',
    /** The least capacity, that of a ring made without another. */
    readonly capacity: number,
    /** The room that a record takes is a multiple of so many bytes. */
    readonly unit: number,
  ) {}

  /** Bytes of ring space of a record. */
  readonly span = (byteLength: number): number =>
    Math.ceil((RECORD_HEADER + byteLength) / this.unit) * this.unit;

  /** Bytes of the largest record of a ring of this capacity. */
  readonly maxRecord = (capacity = this.capacity): number =>
    (this.kind === 'spsc' ? capacity : Math.min(capacity / 2, MIB - 64)) - RECORD_HEADER;

  /** A fresh ring of the least capacity, or as the options say; closed after the test. */
  readonly createRing = (options: RingOptions = {}): Ring =>
    createRing({ kind: this.kind, capacity: this.capacity, ...options });

  /** A fresh ring with both its ends in this process. */
  readonly createEnds = (options: RingOptions = {}): Ends =>
    createEnds({ kind: this.kind, capacity: this.capacity, ...options });
}

export const SPSC = new Kind('spsc', 4096, 8);
export const MPSC = new Kind('mpsc', 65_536, 64);

/** Declares the tests once for each kind of ring. */
export function eachKind(tests: (kind: Kind) => void): void {
  describe.each([SPSC, MPSC])('$kind', tests);
}
