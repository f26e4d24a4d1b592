/**
 * What an spsc ring must do, as a plain queue and the arithmetic of its space.
 *
 * Three things are left to the implementation: when a reader that stands before padding releases
 * it, and by that whether the next write fits. So the model follows every world that is possible
 * and drops those which an observation contradicts; no world left means that the ring is wrong.
 */

const RECORD_HEADER = 8;

/** Bytes of ring space of a record. */
export function span(byteLength: number): number {
  return RECORD_HEADER + Math.ceil(byteLength / 8) * 8;
}

interface World {
  /** Everything before it is released. In bytes since the ring was made, as all positions here. */
  head: number;
  tail: number;
  /** Where the waiting records start. */
  starts: number[];
  /** Where the open claim starts. */
  claim?: number;
}

export class Contradiction extends Error {}

export class Model {
  readonly waiting: Buffer[] = [];
  written = 0;
  read = 0;
  aborted = 0;
  full = 0;
  /** Bytes of the open claim, and where its payload lies. */
  claimed: number | undefined;
  claimOffset = -1;
  #worlds: World[] = [{ head: 0, tail: 0, starts: [] }];

  constructor(readonly capacity: number) {}

  get maxRecord(): number {
    return this.capacity - RECORD_HEADER;
  }

  /** Keeps the worlds in which something that was seen is possible. */
  #observe(what: string, possible: (world: World) => World | undefined): void {
    const left = this.#worlds.map(possible).filter((world) => world !== undefined);
    if (left.length === 0) {
      throw new Contradiction(`${what}: impossible in ${JSON.stringify(this.#worlds)}`);
    }
    this.#worlds = [...new Map(left.map((world) => [JSON.stringify(world), world])).values()];
  }

  /** A reader that stands before padding may have released it, or not yet. */
  #mayHaveSkipped(): void {
    this.#worlds.push(...this.#worlds.map((world) => ({ ...world, head: world.starts[0] ?? world.tail })));
    this.#observe('nothing', (world) => world);
  }

  /** Where a run of bytes in one piece would start, or undefined when there is no room for it. */
  #place(world: World, bytes: number): number | undefined {
    const rest = this.capacity - (world.tail % this.capacity);
    const start = bytes <= rest ? world.tail : world.tail + rest;
    return start + bytes - world.head <= this.capacity ? start : undefined;
  }

  /** The world after a refusal: padding and record do not fit at once, the padding alone may. */
  #refused(world: World, bytes: number): World {
    const rest = this.capacity - (world.tail % this.capacity);
    const padded = bytes > rest && world.tail + rest - world.head <= this.capacity;
    return padded ? { ...world, tail: world.tail + rest } : world;
  }

  /** A try to put records in one piece; one of them alone, or a part of a batch. */
  put(records: Buffer[], accepted: boolean): void {
    const bytes = records.reduce((sum, record) => sum + span(record.length), 0);
    this.#mayHaveSkipped();
    this.#observe(`${bytes} bytes ${accepted ? 'accepted' : 'refused'}`, (world) => {
      const start = this.#place(world, bytes);
      if (!accepted) return start === undefined ? this.#refused(world, bytes) : undefined;
      if (start === undefined) return undefined;
      let tail = start;
      const starts = [...world.starts];
      for (const record of records) {
        starts.push(tail);
        tail += span(record.length);
      }
      return { ...world, tail, starts };
    });
    if (accepted) {
      this.waiting.push(...records);
      this.written += records.length;
    }
  }

  /** The parts in which a batch goes: each in one piece, as large as the largest record. */
  partsOf(records: Buffer[]): Buffer[][] {
    const parts: Buffer[][] = [];
    let room = 0;
    for (const record of records) {
      room -= span(record.length);
      if (room < 0) {
        parts.push([]);
        room = this.capacity - span(record.length);
      }
      parts.at(-1)?.push(record);
    }
    return parts;
  }

  /** A look whether there is room; it clears the way as a refused write does. */
  room(byteLength: number, ready: boolean): void {
    const bytes = span(byteLength);
    this.#mayHaveSkipped();
    this.#observe(`room for ${bytes} bytes: ${ready}`, (world) => {
      const start = this.#place(world, bytes);
      if (ready !== (start !== undefined)) return undefined;
      return ready ? world : this.#refused(world, bytes);
    });
  }

  claim(byteLength: number, offset: number): void {
    const bytes = span(byteLength);
    this.#mayHaveSkipped();
    this.#observe(`claim of ${byteLength} at ${offset}`, (world) => {
      const start = this.#place(world, bytes);
      if (offset < 0) return start === undefined ? this.#refused(world, bytes) : undefined;
      if (start === undefined || (start % this.capacity) + RECORD_HEADER !== offset) return undefined;
      return { ...world, claim: start };
    });
    if (offset >= 0) this.claimed = byteLength;
  }

  commit(record: Buffer): void {
    this.#observe('commit', ({ claim, ...world }) => {
      if (claim === undefined) return undefined;
      return { ...world, tail: claim + span(record.length), starts: [...world.starts, claim] };
    });
    this.claimed = undefined;
    this.waiting.push(record);
    this.written += 1;
  }

  abort(): void {
    this.#observe('abort', ({ claim, ...world }) => (claim === undefined ? undefined : world));
    this.claimed = undefined;
    this.aborted += 1;
  }

  /** The record at `index` of those that wait was seen at this position (in units of 8 bytes). */
  seen(index: number, position: number): void {
    this.#observe(`record ${index} at position ${position}`, (world) =>
      world.starts[index] === position * 8 ? world : undefined,
    );
  }

  /** The first records have been released. */
  release(count: number): void {
    if (count === 0) return;
    const last = this.waiting[count - 1] as Buffer;
    this.waiting.splice(0, count);
    this.read += count;
    this.#observe(`release of ${count}`, (world) => ({
      ...world,
      head: (world.starts[count - 1] as number) + span(last.length),
      starts: world.starts.slice(count),
    }));
  }

  /** A reader found nothing: then it has released all there was. */
  foundNothing(): void {
    if (this.waiting.length > 0) throw new Contradiction(`${this.waiting.length} wait unseen`);
    this.#observe('nothing found', (world) => ({ ...world, head: world.tail }));
  }

  /** The position of the next record, as a consumer says it, in units of 8 bytes. */
  nextPosition(position: number): void {
    this.#mayHaveSkipped();
    this.#observe(`next position ${position}`, (world) => {
      const next = world.starts[0] ?? world.tail;
      return position * 8 === next || position * 8 === world.head ? world : undefined;
    });
  }

  /** Bytes of ring space in use, between the least and the most that is possible. */
  bytesWaiting(bytes: number): void {
    this.#mayHaveSkipped();
    this.#observe(`${bytes} bytes waiting`, (world) =>
      world.tail - world.head === bytes ? world : undefined,
    );
  }
}
