// The figures as tables. Times are nanoseconds a record, best and median.
import Table from 'cli-table3';
import { CAPACITY, calls, deaths, MEMORY_AT_MOST_MIB } from './configurations.mjs';
import { best, median, NEAR, regime, summarise, verdict } from './figures.mjs';

// Without colours: the tables end up in files and documents.
const plain = { style: { head: [], border: [] } };
export const ns = (value) => value.toFixed(1);
export const both = (figure) => `${ns(figure.best)} / ${ns(figure.median)}`;

const right = (head) => head.map((_, column) => (column === 0 ? 'left' : 'right'));

export function table(head, rows) {
  const made = new Table({ ...plain, head, colAligns: right(head) });
  made.push(...rows);
  return made.toString();
}

export const judged = (value, atMost, show = ns) =>
  value <= atMost ? 'met' : `missed by ${show(value - atMost)}`;

/** Of measurements, those that nobody disturbed while the cores were `wanted`, 'near' or 'far'. */
export const inRegime = (items, wanted) =>
  items.filter((item) => !item.disturbed && regime(item.probes) === wanted);

const summaryOf = (pairs, name, where) =>
  summarise(
    inRegime(
      pairs.filter((pair) => pair.configuration === name),
      where,
    ),
  );

const COLUMNS = ['record', 'pairs', 'native', 'shmring', 'extra over native'];
const row = (name, { pairs, native, js, extra }) => [name, pairs, both(native), both(js), both(extra)];

/** JavaScript beside native, cores near; with the verdicts. */
export function nearTable(configurations, pairs) {
  const rows = configurations.map(({ name, atMost }) => {
    const summary = summaryOf(pairs, name, 'near');
    const figures = summary ? row(name, summary) : [name, 0, '', '', ''];
    const limit = typeof atMost === 'function' && summary ? atMost(summary.native.median) : atMost;
    return [...figures, typeof limit === 'number' ? limit.toFixed(0) : '', verdict(summary, limit)];
  });
  return table([...COLUMNS, 'at most', 'verdict'], rows);
}

/** The same where cores were far; nothing is judged. `undefined` when they never were. */
export function farTable(configurations, pairs) {
  const rows = configurations.flatMap(({ name }) => {
    const summary = summaryOf(pairs, name, 'far');
    return summary ? [row(name, summary)] : [];
  });
  return rows.length > 0 ? table(COLUMNS, rows) : undefined;
}

/** The yardstick's own check: 64 B between two threads, native beside rtrb. */
export function rtrbTable(rounds) {
  const rows = ['near', 'far'].flatMap((where) => {
    const those = inRegime(rounds, where);
    if (those.length === 0) return [];
    const column = (pick) => those.map(pick);
    const figure = (pick) => both({ best: best(column(pick)), median: median(column(pick)) });
    const ratio = (pick) => `${(100 * (median(column(pick)) - 1)).toFixed(0)} %`;
    return [
      [
        where,
        those.length,
        figure((round) => round.native.lagging),
        figure((round) => round.rtrb.polling),
        ratio((round) => round.native.lagging / round.rtrb.polling),
        figure((round) => round.rtrb.lagging),
        ratio((round) => round.native.lagging / round.rtrb.lagging),
      ],
    ];
  });
  return table(
    ['cores', 'rounds', 'native', 'rtrb', 'native is slower by', 'rtrb, lagging', 'slower by'],
    rows,
  );
}

/** `owners()` and `stats()`. */
export function callsTable({ owners, stats }) {
  const rows = Object.entries({ owners, stats }).map(([name, micros]) => {
    const middle = median(micros);
    return [
      `${name}()`,
      micros.length,
      ns(best(micros)),
      ns(middle),
      calls.atMost,
      judged(middle, calls.atMost),
    ];
  });
  return table(['call', 'calls', 'best', 'median', 'at most', 'verdict'], rows);
}

const DEATH_ROWS = [
  ['since the kill', (sample) => sample.sinceKill],
  ['since its lock was last seen held', (sample) => sample.sinceHeld],
];

/** How long a dead producer's claim stood in the way, by how the consumer waited. */
export function deathsTable(series) {
  const rows = Object.entries(series).flatMap(([waits, samples]) =>
    DEATH_ROWS.map(([since, pick]) => {
      const values = samples.map(pick);
      const [middle, most] = [median(values), Math.max(...values)];
      return [
        `${waits}, ${since}`,
        values.length,
        ns(middle),
        ns(most),
        judged(middle, deaths.medianAtMost),
        judged(most, deaths.alwaysAtMost),
      ];
    }),
  );
  const { medianAtMost, alwaysAtMost } = deaths;
  const head = [
    'consumer in',
    'kills',
    'median',
    'most',
    `median ≤ ${medianAtMost}`,
    `most ≤ ${alwaysAtMost}`,
  ];
  return table(head, rows);
}

/** The package's memory, one line. */
export function memoryLine(samples) {
  const mib = median(samples.map((sample) => sample.package)) / 1024;
  return (
    `memory of the package in a process (PSS, median of ${samples.length}): ${mib.toFixed(1)} MiB, ` +
    `at most ${MEMORY_AT_MOST_MIB}: ${judged(mib, MEMORY_AT_MOST_MIB)}; beside the segment of ${CAPACITY >> 20} MiB`
  );
}

/** What the probes said over the run, one line. */
export function probeLine(probes) {
  const known = probes.filter((nanoseconds) => nanoseconds !== null);
  if (known.length === 0) return 'cache line between cores: only one core';
  const near = known.filter((nanoseconds) => nanoseconds < NEAR).length;
  return (
    `cache line between cores, round trip: ${ns(best(known))} to ${ns(Math.max(...known))} ns, ` +
    `near (< ${NEAR} ns) in ${near} of ${known.length} probes`
  );
}

/** What is in none of the tables, one line. */
export function asideLine(items) {
  const mixed = items.filter((item) => !item.disturbed && regime(item.probes) === 'mixed').length;
  const disturbed = items.filter((item) => item.disturbed).length;
  return (
    `set aside: ${mixed} of ${items.length} measurements within which the distance changed, ` +
    `${disturbed} while other programs wanted the CPUs`
  );
}
