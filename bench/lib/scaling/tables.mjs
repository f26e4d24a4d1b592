// The figures of scaling as tables: nanoseconds a record, best and median.
import { CAPACITY } from '../configurations.mjs';
import { both, ns, table } from '../tables.mjs';
import { CAPACITY_OF_SIZES } from './configurations.mjs';
import { bytes, summariseScaling, throughput } from './summary.mjs';

const nativeOf = ({ native }) => (native ? both(native) : '–');
const times = ({ native, js }) => (native ? (js.median / native.median).toFixed(1) : '–');

const common = {
  pairs: ({ pairs }) => pairs,
  native: nativeOf,
  shmring: ({ js }) => both(js),
  '× native': times,
};

/** Each column and what it shows of a row. */
const COLUMNS = {
  capacity: {
    ring: ({ kind, capacity }) => `${kind}, ${bytes(capacity)}`,
    record: ({ size }) => bytes(size),
    ...common,
    'first lap': ({ warmUp, capacity }) => (capacity >= 2 ** 26 ? both(warmUp) : ''),
  },
  producers: {
    record: ({ size }) => bytes(size),
    producers: ({ producers }) => producers,
    ...common,
    'least and most of an even share': ({ shares }) =>
      `${shares.least.toFixed(2)}, ${shares.most.toFixed(2)}`,
  },
  sizes: {
    record: ({ kind, size }) => `${kind}, ${bytes(size)}`,
    ...common,
    'GB/s': (row) => throughput(row, row.js.median).toFixed(2),
    'ns a KiB': ({ js, size }) => ns((1024 * js.median) / size),
  },
};

/** The figures of one part in one regime; `undefined` when there are none. */
function scalingTable(pairs, part, regime) {
  const rows = summariseScaling(pairs, part, regime);
  if (rows.length === 0) return undefined;
  const columns = Object.entries(COLUMNS[part]);
  const cells = rows.map((row) => columns.map(([, show]) => show(row)));
  return table(
    columns.map(([head]) => head),
    cells,
  );
}

const TITLES = {
  capacity: 'as the ring grows',
  producers: `as producers grow, ring of ${bytes(CAPACITY)}, over all producers`,
  sizes: `as records grow, ring of ${bytes(CAPACITY_OF_SIZES)}`,
};

export function printScaling(parts, pairs) {
  for (const part of parts) {
    for (const regime of ['near', 'far']) {
      const shown = scalingTable(pairs, part, regime);
      if (shown) console.log(`\n${TITLES[part]}, ns a record (best / median), cores ${regime}:\n${shown}`);
    }
  }
}
