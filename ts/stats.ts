/** What a ring tells of itself. */

/** Counters since the ring was made, and how full it is now. */
export interface RingStats {
  /** Records committed. */
  written: number;
  /** Records released by consumers. */
  read: number;
  recordsWaiting: number;
  /** Bytes of ring space in use: payloads, 8 bytes before each, and padding. */
  bytesWaiting: number;
  /** Reservations whose owner died. */
  abandoned: number;
  /** Claims given back by their living owner. */
  aborted: number;
  /** Refusals because the ring was full. */
  full: number;
  /** Living ones. */
  producers: number;
  consumers: number;
}

/** A ring found by its file. */
export interface RingInfo {
  name: string;
  id: string;
  kind: string;
  /** Bytes of the data area. */
  capacity: number;
  /** Bytes of the file. */
  bytes: number;
  /** Permission bits. */
  mode: number;
  /** Living owners. */
  alive: number;
  /** Owners that died and were not recovered. */
  dead: number;
  /** Why nothing else is known of it. */
  error?: string;
}

/** Who holds a slot, alive or dead. */
export interface Owner {
  slot: number;
  role: 'producer' | 'consumer';
  pid: number;
  label: string;
  alive: boolean;
  /** Milliseconds since it attached, whatever was done to the clock meanwhile. */
  sinceMs: number;
  /** Records that it wrote (a producer) or released (the consumer). */
  written: number;
  /** Its open claim. */
  holds?: { position: number; byteLength: number; ageMs: number };
}

/** @internal Makes objects of the addon's rows: numbers, in the order of crate/src/binding/ring.rs, and labels. */
export function ownersOf(numbers: Float64Array, labels: string): Owner[] {
  const owners: Owner[] = [];
  let at = 0;
  let label = 0;
  const next = () => numbers[at++] as number;
  while (at < numbers.length) {
    const owner: Owner = {
      slot: next(),
      role: next() === 1 ? 'producer' : 'consumer',
      pid: next(),
      label: '',
      alive: next() === 1,
      sinceMs: next(),
      written: next(),
    };
    const end = label + next();
    owner.label = labels.slice(label, end);
    label = end;
    const holds = { position: next(), byteLength: next(), ageMs: next() };
    if (holds.position >= 0) owner.holds = holds;
    owners.push(owner);
  }
  return owners;
}

/** Who stands in the way of a consumer's next record. */
export interface Obstacle {
  slot: number;
  pid: number;
  label: string;
  /** Milliseconds since the claim was made; of a plain write, since this consumer first met it. */
  ageMs: number;
  alive: boolean;
}

/** What a call of `recover` freed. What others freed at the same time is in their reports. */
export interface RecoveryReport {
  /** Slots of dead owners. */
  slotsFreed: number;
  /** Reservations that their dead owners had not committed: each a record, or a batch. */
  recordsAbandoned: number;
  /** Bytes of ring space that they took. */
  bytesAbandoned: number;
}

/** One thing that lies in a ring. */
export interface Inspected {
  /** Units of 8 bytes since the ring was made. */
  position: number;
  /** `'reserved'`, `'committed'`, `'padding'`, `'abandoned'` or `'damaged'`. */
  state: string;
  slot: number;
  byteLength: number;
  bytes?: Buffer;
}
