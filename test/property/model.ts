/**
 * What a ring with one writer must do, as a plain queue and the arithmetic of its space.
 *
 * Left to the implementation is when a reader that stands before what is no record (padding, or in
 * an mpsc ring what was aborted) releases it, and by that whether the next write fits. So the model
 * follows every world that is possible and drops those which an observation contradicts; no world
 * left means that the ring is wrong.
 */

import type { Kind } from '../helpers/kinds.js';

const RECORD_HEADER = 8;

interface World {
  /** Everything before it is released. In bytes since the ring was made, as all positions here. */
  head: number;
  tail: number;
  /** Where the waiting records start, and where each ends. */
  starts: number[];
  ends: number[];
  /** Where the open claim starts. In an mpsc ring its room is taken already. */
  claim?: number;
}

/** Where the next record starts or will start, as far as that is known to a reader. */
function nextOf({ starts, claim, tail }: World, kind: Kind): number {
  return starts[0] ?? (kind.kind === 'mpsc' ? claim : undefined) ?? tail;
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
  #worlds: World[] = [{ head: 0, tail: 0, starts: [], ends: [] }];

  constructor(
    readonly kind: Kind,
    readonly capacity: number,
  ) {}

  get maxRecord(): number {
    return this.kind.maxRecord(this.capacity);
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
    this.#worlds.push(...this.#worlds.map((world) => ({ ...world, head: nextOf(world, this.kind) })));
    this.#observe('nothing', (world) => world);
  }

  /** Where a run of bytes in one piece would start, or undefined when there is no room for it. */
  #place(world: World, bytes: number): number | undefined {
    const rest = this.capacity - (world.tail % this.capacity);
    const start = bytes <= rest ? world.tail : world.tail + rest;
    return start + bytes - world.head <= this.capacity ? start : undefined;
  }

  /**
   * The world after a refusal: padding and record do not fit at once; in an spsc ring the padding
   * alone may.
   */
  #refused(world: World, bytes: number): World {
    if (this.kind.kind === 'mpsc') return world;
    const rest = this.capacity - (world.tail % this.capacity);
    const padded = bytes > rest && world.tail + rest - world.head <= this.capacity;
    return padded ? { ...world, tail: world.tail + rest } : world;
  }

  /** A try to put records in one piece; one of them alone, or a part of a batch. */
  put(records: Buffer[], accepted: boolean): void {
    const bytes = records.reduce((sum, record) => sum + this.kind.span(record.length), 0);
    this.#mayHaveSkipped();
    this.#observe(`${bytes} bytes ${accepted ? 'accepted' : 'refused'}`, (world) => {
      const start = this.#place(world, bytes);
      if (!accepted) return start === undefined ? this.#refused(world, bytes) : undefined;
      if (start === undefined) return undefined;
      let tail = start;
      const [starts, ends] = [[...world.starts], [...world.ends]];
      for (const record of records) {
        starts.push(tail);
        tail += this.kind.span(record.length);
        ends.push(tail);
      }
      return { ...world, tail, starts, ends };
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
      const bytes = this.kind.span(record.length);
      room -= bytes;
      if (room < 0) {
        parts.push([]);
        room = this.kind.span(this.maxRecord) - bytes;
      }
      parts.at(-1)?.push(record);
    }
    return parts;
  }

  /** A look whether there is room; it clears the way as a refused write does. */
  room(byteLength: number, ready: boolean): void {
    const bytes = this.kind.span(byteLength);
    this.#mayHaveSkipped();
    this.#observe(`room for ${bytes} bytes: ${ready}`, (world) => {
      const start = this.#place(world, bytes);
      if (ready !== (start !== undefined)) return undefined;
      return ready ? world : this.#refused(world, bytes);
    });
  }

  claim(byteLength: number, offset: number): void {
    const bytes = this.kind.span(byteLength);
    this.#mayHaveSkipped();
    this.#observe(`claim of ${byteLength} at ${offset}`, (world) => {
      const start = this.#place(world, bytes);
      if (offset < 0) return start === undefined ? this.#refused(world, bytes) : undefined;
      if (start === undefined || (start % this.capacity) + RECORD_HEADER !== offset) return undefined;
      return this.kind.kind === 'mpsc'
        ? { ...world, claim: start, tail: start + bytes }
        : { ...world, claim: start };
    });
    if (offset >= 0) this.claimed = byteLength;
  }

  commit(record: Buffer): void {
    this.#observe('commit', ({ claim, ...world }) => {
      if (claim === undefined) return undefined;
      // In an mpsc ring a shortened claim keeps its room.
      const tail = this.kind.kind === 'mpsc' ? world.tail : claim + this.kind.span(record.length);
      return { ...world, tail, starts: [...world.starts, claim], ends: [...world.ends, tail] };
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
    this.waiting.splice(0, count);
    this.read += count;
    this.#observe(`release of ${count}`, (world) => ({
      ...world,
      head: world.ends[count - 1] as number,
      starts: world.starts.slice(count),
      ends: world.ends.slice(count),
    }));
  }

  /** A reader found nothing: then it has released all there was. */
  foundNothing(): void {
    if (this.waiting.length > 0) throw new Contradiction(`${this.waiting.length} wait unseen`);
    this.#observe('nothing found', (world) => ({ ...world, head: nextOf(world, this.kind) }));
  }

  /** The position of the next record, as a consumer says it, in units of 8 bytes. */
  nextPosition(position: number): void {
    this.#mayHaveSkipped();
    this.#observe(`next position ${position}`, (world) => {
      const next = nextOf(world, this.kind);
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
