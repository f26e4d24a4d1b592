// From raw rounds to the figures of a table.

/** A round trip below this many nanoseconds: the cores are near, and the yardstick holds. */
export const NEAR = 200;

export const best = (values) => Math.min(...values);

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * 'near' or 'far' when all probes around a measurement agree, otherwise 'mixed': the regime changed
 * meanwhile, and the pair compares nothing. A probe that could not tell (one core, or busy ones) is
 * not near.
 */
export function regime(probes) {
  const near = probes.filter((nanoseconds) => nanoseconds !== null && nanoseconds < NEAR).length;
  if (near === probes.length) return 'near';
  return near === 0 ? 'far' : 'mixed';
}

const bestAndMedian = (values) => ({ best: best(values), median: median(values) });

/** The figures of one configuration in one regime; `undefined` when it never was in it. */
export function summarise(pairs) {
  if (pairs.length === 0) return undefined;
  return {
    pairs: pairs.length,
    native: bestAndMedian(pairs.map((pair) => pair.native)),
    js: bestAndMedian(pairs.map((pair) => pair.js)),
    // Of each pair by itself: its two runs are neighbours in time, the columns are not.
    extra: bestAndMedian(pairs.map((pair) => pair.js - pair.native)),
  };
}

/** Judges the near pairs by the yardstick: their median, and when that misses also their best. */
export function verdict(summary, atMost) {
  if (atMost === undefined) return '';
  if (summary === undefined) return 'not judged: no near pair';
  const over = (value) => (value - atMost).toFixed(1);
  const { best, median } = summary.extra;
  if (median <= atMost) return 'met';
  return best <= atMost
    ? `missed by ${over(median)}, best: met`
    : `missed by ${over(median)}, best: by ${over(best)}`;
}
