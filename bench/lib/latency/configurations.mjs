// How fast one process hears of another: what is measured, and the yardsticks.

const trips = { size: 64, trips: 400_000 };

/** `atMost`: nanoseconds over the native ring's median, and times its 99.9th percentile. */
export const roundTrips = [
  { name: 'spsc', kind: 'spsc', ...trips, atMost: { p50: 200, p999: 2 } },
  { name: 'mpsc', kind: 'mpsc', ...trips },
];

const wake = { wakes: 150, warmUp: 500, pauseMicros: 2000 };

/** `awake`: something keeps the sleeper's core busy. `atMost`: nanoseconds over a native futex's median. */
export const wakes = [
  { name: 'spsc, core awake', kind: 'spsc', ...wake, awake: true, atMost: { p50: 3000 } },
  { name: 'mpsc, core awake', kind: 'mpsc', ...wake, awake: true },
  { name: 'spsc, core asleep', kind: 'spsc', ...wake, awake: false },
];
