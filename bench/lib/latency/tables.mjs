// The figures of round trips and wakes as tables, and their verdicts.
import { best, median } from '../figures.mjs';
import { inRegime, judged, table } from '../tables.mjs';

const HEADS = { p50: 'p50', p99: 'p99', p999: 'p99.9', max: 'max' };

const withoutClock = (run, what) => run[what].p50 - run.clock;

/** Of each pair by itself: its two runs are neighbours in time. */
const extras = (pairs, what) =>
  pairs.map(({ native, js }) => withoutClock(js, what) - withoutClock(native, what));
const ratios = (pairs, what) => pairs.map(({ native, js }) => js[what].p999 / native[what].p999);

function verdictOf(values, atMost, show) {
  const of = `${show(best(values))} / ${show(median(values))}`;
  return atMost === undefined
    ? of
    : `${of}, at most ${show(atMost)}: ${judged(median(values), atMost, show)}`;
}

const KINDS = {
  roundTrips: {
    title: 'round trip, both spinning, ns',
    shown: ['trip'],
    figures: ['p50', 'p99', 'p999', 'max'],
    cell: (ns) => ns.toFixed(0),
    extra: (ns) => `${ns.toFixed(0)} ns`,
  },
  // Too few a run for a p99.9.
  wakes: {
    title: 'sleeper in waitSync, µs',
    shown: ['wake', 'write'],
    figures: ['p50', 'p99', 'max'],
    cell: (ns) => (ns / 1000).toFixed(1),
    extra: (ns) => `${(ns / 1000).toFixed(1)} µs`,
  },
};

/** What each figure is of the runs, the median over them. */
function rowsOf(name, side, runs, { shown, figures, cell }) {
  const clock = median(runs.map((run) => run.clock)).toFixed(0);
  return shown.map((what) => [
    [name, side, ...(shown.length > 1 ? [what] : [])].join(', '),
    runs.length,
    ...figures.map((figure) => cell(median(runs.map((run) => run[what][figure])))),
    what === shown[0] ? clock : '',
  ]);
}

/** One configuration: the rows of both sides, and a line for each yardstick. */
function summary({ name, atMost }, pairs, kind, regime) {
  const [what] = kind.shown;
  const limits = regime === 'near' ? atMost : undefined;
  const lines = [`${name}, p50 over native: ${verdictOf(extras(pairs, what), limits?.p50, kind.extra)}`];
  if (kind.figures.includes('p999')) {
    const times = (ratio) => `${ratio.toFixed(2)} ×`;
    lines.push(`${name}, p99.9 by native's: ${verdictOf(ratios(pairs, what), limits?.p999, times)}`);
  }
  const native = pairs.map((pair) => pair.native);
  const js = pairs.map((pair) => pair.js);
  return { rows: [...rowsOf(name, 'native', native, kind), ...rowsOf(name, 'shmring', js, kind)], lines };
}

function printRegime(kind, configurations, all, regime) {
  const summaries = configurations.flatMap((configuration) => {
    const own = all.filter((pair) => pair.configuration === configuration.name);
    const pairs = inRegime(own, regime);
    return pairs.length > 0 ? [summary(configuration, pairs, kind, regime)] : [];
  });
  if (summaries.length === 0) return;
  const head = ['', 'pairs', ...kind.figures.map((figure) => HEADS[figure]), 'clock, ns'];
  const rows = summaries.flatMap((summary) => summary.rows);
  console.log(`\n${kind.title}, medians over the pairs, cores ${regime}:\n${table(head, rows)}`);
  console.log(summaries.flatMap((summary) => summary.lines).join('\n'));
}

/** `kind`: 'roundTrips' or 'wakes'. Judged are only those whose cores were near. */
export function printLatency(kind, configurations, pairs) {
  for (const regime of ['near', 'far']) printRegime(KINDS[kind], configurations, pairs, regime);
}
