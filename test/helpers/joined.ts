import type { Handled } from './books.js';

/** What the consumers of one ring have handled, one after the other. */
export class Joined {
  /** Different records. */
  records = 0;
  /** Records that a successor handled again. */
  repeats = 0;
  #last: Handled | undefined;
  readonly #next = new Map<number, number>();
  readonly #seenAt = new Map<number, Handled>();

  /** @param endOf where a record ends in the ring, in bytes since it was made */
  constructor(
    readonly endOf: (record: Handled) => number,
    readonly repeatedAtMost: number,
  ) {}

  /** The sequence that must come next of this producer. */
  next(producer: number): number {
    return this.#next.get(producer) ?? 0;
  }

  /** Adds the books of the next consumer, dropping repeats by their position; throws at the first fault. */
  add(handled: Handled[], who: string): void {
    const [first] = handled;
    const before = this.#last;
    if (first !== undefined && before !== undefined && first.position <= before.position) {
      const repeated = this.endOf(before) - first.position * 8;
      if (repeated > this.repeatedAtMost) throw new Error(`${who} repeats ${repeated} bytes`);
    }
    let lastPosition = -1;
    for (const record of handled) {
      const fail = (what: string): never => {
        throw new Error(`${who}: ${what}: ${JSON.stringify(record)} after ${JSON.stringify(this.#last)}`);
      };
      if (record.byteLength < 0) fail('torn');
      if (record.position <= lastPosition) fail('positions do not grow');
      lastPosition = record.position;
      if (before !== undefined && record.position <= before.position) {
        const seen = this.#seenAt.get(record.position);
        if (seen?.sequence !== record.sequence || seen.producer !== record.producer) fail('another one');
        this.repeats += 1;
        continue;
      }
      const next = this.next(record.producer);
      if (record.sequence !== next) fail(`${next} is missing`);
      this.#next.set(record.producer, next + 1);
      this.records += 1;
      this.#last = record;
      this.#seenAt.set(record.position, record);
    }
  }
}
