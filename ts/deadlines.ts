/** What waits no longer than to a time of its own. */
export interface Timed {
  /** As `performance.now()` counts. */
  readonly deadline: number;
  /** Where it stands, kept here: -1 while it is not in. */
  place: number;
}

/** Deadlines, of which only the nearest is looked at: a binary heap that each can leave at any time. */
export class Deadlines<T extends Timed> {
  readonly #heap: T[] = [];

  /** Whose deadline is the nearest. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  add(timed: T): void {
    this.#rise(timed, this.#heap.length);
  }

  delete(timed: T): void {
    const { place } = timed;
    if (place < 0) return;
    timed.place = -1;
    const last = this.#heap.pop() as T;
    if (last === timed) return;
    // It may be nearer than what stands above the gap, or not as near as what stands below.
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  /** Puts it at `place`, or above. */
  #rise(timed: T, place: number): void {
    let at = place;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#heap[above] as T;
      if (parent.deadline <= timed.deadline) break;
      this.#put(parent, at);
      at = above;
    }
    this.#put(timed, at);
  }

  /** Puts it at `place`, or below. */
  #sink(timed: T, place: number): void {
    const heap = this.#heap;
    let at = place;
    for (;;) {
      let below = 2 * at + 1;
      const right = heap[below + 1];
      if (right !== undefined && right.deadline < (heap[below] as T).deadline) below++;
      const child = heap[below];
      if (child === undefined || child.deadline >= timed.deadline) break;
      this.#put(child, at);
      at = below;
    }
    this.#put(timed, at);
  }

  #put(timed: T, place: number): void {
    this.#heap[place] = timed;
    timed.place = place;
  }
}
