// What is measured. The counts make the timed part of a run about 100 ms where cores are near, and
// some times that where they are far; native runs move more records, as each costs less. As many
// again go before, untimed: by then JavaScript is compiled and the two sides have found their cores.

/** `atMost`: the yardstick, nanoseconds a record that JavaScript may cost over the native ring. */
const one64 = { size: 64, batch: 1, jsRecords: 3_000_000, nativeRecords: 20_000_000 };
const one1024 = { size: 1024, batch: 1, jsRecords: 1_500_000, nativeRecords: 4_000_000 };

export const oneProducer = [
  { name: '64 B', ...one64, atMost: 12 },
  { name: '64 B × 64', size: 64, batch: 64, atMost: 4, jsRecords: 6_400_000, nativeRecords: 20_000_000 },
  { name: '1 KiB', ...one1024, atMost: 12 },
  { name: '4 KiB', size: 4096, batch: 1, jsRecords: 800_000, nativeRecords: 1_500_000 },
  // Without the hot path in JavaScript, which is worth what these cost more.
  { name: '64 B, by the addon', ...one64, hotPath: false },
  { name: '1 KiB, by the addon', ...one1024, hotPath: false },
];

/** Two producers may take so many nanoseconds a record, or so many over the native ring. */
const ofTwo = (native) => Math.max(36 - native, 15);
// More disturb each other more than one of them costs: as much again as natively, then.
const asMuchAgain = (native) => Math.max(60, native);

const records64 = { size: 64, batch: 1, jsRecords: 1_500_000, nativeRecords: 6_000_000 };
const batches64 = { size: 64, batch: 64, jsRecords: 4_000_000, nativeRecords: 8_000_000 };
const records1024 = { size: 1024, batch: 1, jsRecords: 1_000_000, nativeRecords: 2_500_000 };

/** The same for rings of kind `mpsc`. The counts are of all producers together. */
export const manyProducers = [
  { name: '64 B', producers: 1, ...records64, atMost: 40 },
  { name: '64 B, 2 producers', producers: 2, ...records64, atMost: ofTwo },
  { name: '64 B, 4 producers', producers: 4, ...records64, atMost: asMuchAgain },
  { name: '1 KiB', producers: 1, ...records1024, atMost: 40 },
  { name: '64 B × 64', producers: 1, ...batches64 },
  { name: '64 B × 64, 2 producers', producers: 2, ...batches64 },
];

/** Native ring and rtrb between two threads. */
export const rtrb = { records: 5_000_000 };

/** Bytes of every ring. */
export const CAPACITY = 1 << 20;

/** MiB that the package may cost a process, the segment not counted. */
export const MEMORY_AT_MOST_MIB = 5;

/** `owners()` and `stats()`: so many owners, in so many processes; microseconds that a call may take. */
export const calls = { owners: 20, processes: 4, calls: 2000, atMost: 20 };

/** A producer's death inside a claim: milliseconds until a waiting consumer is past it. */
export const deaths = { kills: 50, quickKills: 15, medianAtMost: 5, alwaysAtMost: 100 + 50 };
