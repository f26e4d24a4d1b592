// Finds loss, repetition, reordering and tearing in a stream of checkable records, with constant
// work and memory a record. Plain JavaScript, since child processes use it too.

import { flawOf, producerOf, sequenceOf } from './record.mjs';

const GAPS_KEPT = 64;
const FAULTS_KEPT = 5;

class Lane {
  next = 0;
  /** Ranges [from, to) that were jumped over: the newest ones. */
  gaps = [];

  /** Whether a sequence that comes late was jumped over before; then it is so no more. */
  fillGap(sequence) {
    const index = this.gaps.findIndex(([from, to]) => from <= sequence && sequence < to);
    if (index < 0) return false;
    const [from, to] = this.gaps[index];
    const rest = [
      [from, sequence],
      [sequence + 1, to],
    ].filter(([a, b]) => a < b);
    this.gaps.splice(index, 1, ...rest);
    return true;
  }
}

export class Checker {
  records = 0;
  bytes = 0;
  lost = 0;
  repeated = 0;
  reordered = 0;
  torn = 0;
  /** Positions that did not grow. */
  misplaced = 0;
  /** The first few faults, in words. */
  faults = [];
  #lanes = new Map();
  #lastPosition = -1;

  #fault(text) {
    if (this.faults.length < FAULTS_KEPT) this.faults.push(`record ${this.records}: ${text}`);
  }

  /** Takes the next record of the stream; `position` may be left out where there is none. */
  accept(memory, start, end, position) {
    this.records += 1;
    this.bytes += end - start;
    if (position !== undefined) {
      if (!(position > this.#lastPosition)) {
        this.misplaced += 1;
        this.#fault(`position ${position} after ${this.#lastPosition}`);
      }
      this.#lastPosition = position;
    }
    const flaw = flawOf(memory, start, end);
    if (flaw !== undefined) {
      this.torn += 1;
      this.#fault(flaw);
      return;
    }
    this.#follow(producerOf(memory, start), sequenceOf(memory, start));
  }

  #follow(producer, sequence) {
    const lane = this.#lanes.get(producer) ?? new Lane();
    if (lane.next === 0) this.#lanes.set(producer, lane);
    if (sequence === lane.next) {
      lane.next += 1;
    } else if (sequence > lane.next) {
      this.#fault(`producer ${producer} jumps from ${lane.next} to ${sequence}`);
      this.lost += sequence - lane.next;
      lane.gaps.push([lane.next, sequence]);
      if (lane.gaps.length > GAPS_KEPT) lane.gaps.shift();
      lane.next = sequence + 1;
    } else if (lane.fillGap(sequence)) {
      this.#fault(`producer ${producer}: ${sequence} comes late`);
      this.lost -= 1;
      this.reordered += 1;
    } else {
      this.#fault(`producer ${producer}: ${sequence} comes again`);
      this.repeated += 1;
    }
  }

  /** The sequence that must come next of this producer: one more than the newest seen. */
  next(producer) {
    return this.#lanes.get(producer)?.next ?? 0;
  }

  /** Counts as lost what is missing at the end of a stream of so many records. */
  finish(producer, count) {
    const missing = count - this.next(producer);
    if (missing === 0) return;
    this.#fault(`producer ${producer} ends at ${this.next(producer)} instead of ${count}`);
    if (missing > 0) this.lost += missing;
    else this.repeated -= missing;
  }

  /** Counts of each kind of fault, to be compared with NO_FAULTS. */
  verdict() {
    const { lost, repeated, reordered, torn, misplaced, faults } = this;
    return { lost, repeated, reordered, torn, misplaced, faults };
  }
}

export const NO_FAULTS = { lost: 0, repeated: 0, reordered: 0, torn: 0, misplaced: 0, faults: [] };
