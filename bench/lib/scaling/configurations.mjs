// How the cost of a record grows. Each part varies one thing and holds the others: the capacity of the
// ring, the number of producers, the size of a record.
import { CAPACITY } from '../configurations.mjs';

const KIB = 1024;
const MIB = KIB * KIB;

/** Milliseconds of the timed part of a run, about, where cores are near. */
const TIMED_MS = 60;

// What a record costs, about: nanoseconds, and nanoseconds a byte. It decides only how many are timed.
const COST = {
  spsc: { js: [35, 0.04], native: [4, 0.03] },
  mpsc: { js: [55, 0.04], native: [12, 0.03] },
};

/** The bytes of ring space that a record takes are a multiple of this. */
const UNIT = { spsc: 8, mpsc: 64 };

// A lap of the ring at least: the untimed half of a run, which is as long, has then touched every page.
function countOf([once, aByte], { kind, size, capacity }) {
  const lap = capacity / (Math.ceil((8 + size) / UNIT[kind]) * UNIT[kind]);
  return Math.ceil(Math.max((TIMED_MS * 1e6) / (once + aByte * size), lap));
}

/** A configuration as lib/rounds.mjs measures it; `x` is what its part varies. */
function configuration(part, x, { kind, size, capacity, producers = 1 }) {
  const cost = COST[kind];
  return {
    name: [part, kind, size, x].join(' '),
    part,
    x,
    kind,
    size,
    capacity,
    producers,
    batch: 1,
    jsRecords: countOf(cost.js, { kind, size, capacity }),
    // The native rings want 8 bytes a record.
    nativeRecords: size < 8 ? 0 : countOf(cost.native, { kind, size, capacity }),
  };
}

const LEAST_CAPACITY = { spsc: 4 * KIB, mpsc: 64 * KIB };
const CAPACITIES = [4, 16, 64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB].map((kib) => kib * KIB);

const byCapacity = ['spsc', 'mpsc'].flatMap((kind) =>
  [64, KIB].flatMap((size) =>
    CAPACITIES.filter((capacity) => capacity >= LEAST_CAPACITY[kind]).map((capacity) =>
      configuration('capacity', capacity, { kind, size, capacity }),
    ),
  ),
);

// Up to many more processes than cores: then the figure is first of all the scheduler's, and the run
// shows that nothing is lost. Long enough that everybody's turn comes many times.
const byProducers = [64, KIB].flatMap((size) =>
  [1, 2, 4, 8, 16, 64].map((producers) => ({
    ...configuration('producers', producers, { kind: 'mpsc', size, capacity: CAPACITY, producers }),
    jsRecords: 1_000_000,
    nativeRecords: 2_000_000,
  })),
);

/** Bytes of the ring for all sizes, so that nothing else varies: enough for sixteen of the largest. */
export const CAPACITY_OF_SIZES = 16 * MIB;

const bySize = ['spsc', 'mpsc'].flatMap((kind) =>
  [1, 8, 56, 64, 120, 256, 512]
    .concat([1, 4, 16, 64, 256, KIB].map((kib) => kib * KIB))
    .map((size) => configuration('sizes', size, { kind, size, capacity: CAPACITY_OF_SIZES })),
);

/** The parts, by name. */
export const scaling = { capacity: byCapacity, producers: byProducers, sizes: bySize };
