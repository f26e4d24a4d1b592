// What is measured. The counts make the timed part of a run about 100 ms where cores are near, and
// some times that where they are far; native runs move more records, as each costs less. As many
// again go before, untimed: by then JavaScript is compiled and the two sides have found their cores.

/** `atMost`: the yardstick, nanoseconds a record that JavaScript may cost over the native ring. */
export const configurations = [
  { name: '64 B', size: 64, batch: 1, atMost: 30, jsRecords: 3_000_000, nativeRecords: 20_000_000 },
  { name: '64 B × 64', size: 64, batch: 64, atMost: 10, jsRecords: 6_400_000, nativeRecords: 20_000_000 },
  { name: '1 KiB', size: 1024, batch: 1, atMost: 20, jsRecords: 1_500_000, nativeRecords: 4_000_000 },
  { name: '4 KiB', size: 4096, batch: 1, jsRecords: 800_000, nativeRecords: 1_500_000 },
];

/** Native ring and rtrb between two threads. */
export const rtrb = { records: 5_000_000 };

/** Bytes of every ring. */
export const CAPACITY = 1 << 20;

/** MiB that the package may cost a process, the segment not counted. */
export const MEMORY_AT_MOST_MIB = 5;
