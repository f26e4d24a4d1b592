// Experiments with a ring's layout: variants of the native rings beside the yardsticks, in one loop.
// docs/performance.md says what came of them.
import Table from 'cli-table3';
import { median, regime } from './figures.mjs';
import { layoutExperiments, runLayouts } from './native.mjs';
import { watched } from './pressure.mjs';
import { probeLine } from './tables.mjs';

const same = (a, b) => a.group === b.group && a.size === b.size && a.producers === b.producers;

// The first of those that are compared is the yardstick; one in another regime compares nothing.
function besideYardstick(rows) {
  return rows.map((row) => {
    const yardstick = rows.find((other) => same(row, other));
    const comparable = regime(yardstick.probes) === regime(row.probes);
    return { ...row, ratio: comparable ? row.nanoseconds / yardstick.nanoseconds : undefined };
  });
}

/** Rounds of each experiment, all of them once a round, so that they meet the same machine. */
export async function measureLayouts(rounds, { cpus, pinned }) {
  const pin = pinned && cpus.length > 1 ? cpus.slice(0, 2) : undefined;
  const experiments = await layoutExperiments();
  const measured = [];
  for (let round = 1; round <= rounds; round++) {
    for (const experiment of experiments) {
      const { result, disturbed } = await watched(() => runLayouts(experiment, pin));
      // More processes than CPUs wait for each other.
      const aside = (row) => disturbed && row.producers < cpus.length;
      const rows = besideYardstick(result.filter((row) => row.nanoseconds !== null)).filter(
        (row) => !aside(row),
      );
      measured.push(...rows.map((row) => ({ experiment, round, ...row })));
    }
    console.log(`round ${round} of ${rounds}, layouts`);
  }
  return measured;
}

const unique = (values) => [...new Set(values)];
const ns = (value) => value.toFixed(value < 100 ? 1 : 0);

function cell(rows) {
  if (rows.length === 0) return '-';
  const ratios = rows.flatMap(({ ratio }) => ratio ?? []);
  const times = ratios.length > 0 ? `, × ${median(ratios).toFixed(2)}` : '';
  const tails = rows.flatMap(({ tail }) => tail ?? []);
  const tail = tails.length > 0 ? ` (${median(tails).toFixed(0)})` : '';
  return `${ns(median(rows.map(({ nanoseconds }) => nanoseconds)))}${tail}${times}`;
}

const producersOf = (count) => (count === 1 ? '' : `, ${count} producers`);

/** One table for each experiment, its groups and the number of producers: variants by sizes. */
function layoutTables(measured, where) {
  const inRegime = measured.filter(({ probes }) => regime(probes) === where);
  const keys = unique(measured.map((row) => JSON.stringify([row.experiment, row.group, row.producers])));
  return keys.flatMap((key) => {
    const [experiment, group, producers] = JSON.parse(key);
    const of = (row) => row.experiment === experiment && row.group === group && row.producers === producers;
    const [all, rows] = [measured.filter(of), inRegime.filter(of)];
    if (rows.length === 0) return [];
    const sizes = unique(all.map(({ size }) => size));
    const table = new Table({
      style: { head: [], border: [] },
      head: ['', ...sizes.map((size) => `${size} B`)],
      colAligns: ['left', ...sizes.map(() => 'right')],
    });
    for (const variant of unique(all.map((row) => row.variant))) {
      const ofVariant = rows.filter((row) => row.variant === variant);
      table.push([variant, ...sizes.map((size) => cell(ofVariant.filter((row) => row.size === size)))]);
    }
    const runs = Math.round(rows.length / unique(all.map((row) => row.variant)).length / sizes.length);
    return [
      `${experiment}, ${group}${producersOf(producers)}, cores ${where}, about ${runs} runs:\n${table}`,
    ];
  });
}

export function printLayouts(measured) {
  console.log(`\n${probeLine(measured.flatMap((row) => row.probes))}`);
  console.log('median ns a record, or of a round trip (and its 99.9th percentile), × the first row:');
  for (const where of ['near', 'far']) console.log(`\n${layoutTables(measured, where).join('\n\n')}`);
}
