// Times as the programs of this folder take them: nanoseconds by the one monotonic clock of the
// machine, each kept by itself.

const now = process.hrtime.bigint;

function batch(readings) {
  const start = now();
  for (let i = 0; i < readings; i++) now();
  return Number(now() - start) / readings;
}

/** Nanoseconds that one reading of the clock takes: the least of some batches, as compiled code takes it. */
export function clockCost() {
  return Math.min(...Array.from({ length: 20 }, () => batch(20_000)));
}

/** Percentiles of a typed array of nanoseconds, as bench/native/src/times.rs takes them. */
export function percentiles(nanoseconds) {
  const sorted = nanoseconds.toSorted();
  const at = (part) => Number(sorted[Math.min(Math.trunc(sorted.length * part), sorted.length - 1)]);
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}
