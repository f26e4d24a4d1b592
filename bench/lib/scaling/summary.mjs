// From raw pairs to one row a configuration, in one regime of the machine.
import { best, median, regime } from '../figures.mjs';

const bestAndMedian = (values) => ({ best: best(values), median: median(values) });

/** What the pairs of one configuration say. */
function row(pairs) {
  const [{ name, part, x, kind, size, capacity, producers }] = pairs;
  const column = (pick) => bestAndMedian(pairs.map(pick));
  const shares = pairs.flatMap(({ written }) => {
    const even = written?.reduce((sum, records) => sum + records, 0) / producers;
    return written?.map((records) => records / even) ?? [];
  });
  return {
    ...{ name, part, x, kind, size, capacity, producers },
    pairs: pairs.length,
    native: pairs[0].native === undefined ? undefined : column((pair) => pair.native),
    js: column((pair) => pair.js),
    /** Before the timed part: the first lap of a large ring, whose pages are touched for the first time. */
    warmUp: column((pair) => pair.warmUpNsPerRecord),
    /** Of an even share: what the producer that wrote least had, and the one that wrote most. */
    shares: shares.length > 0 ? { least: Math.min(...shares), most: Math.max(...shares) } : undefined,
  };
}

/** A row a configuration of this part that was met in the regime, in their order. */
export function summariseScaling(pairs, part, wanted) {
  const those = pairs.filter(
    (pair) => pair.part === part && !pair.disturbed && regime(pair.probes) === wanted,
  );
  const names = [...new Set(pairs.map(({ name }) => name))];
  return names
    .map((name) => those.filter((pair) => pair.name === name))
    .filter((some) => some.length > 0)
    .map(row);
}

/** Gigabytes of payload a second. */
export const throughput = ({ size }, nanoseconds) => size / nanoseconds;

/** Bytes in words. */
export function bytes(count) {
  for (const [unit, name] of [
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
  ]) {
    if (count >= unit && count % unit === 0) return `${count / unit} ${name}`;
  }
  return `${count} B`;
}
