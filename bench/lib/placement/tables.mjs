// What each option does, beside none: best and median, and how many times the first row's of the same round.
import { best, median, regime } from '../figures.mjs';
import { ns, table } from '../tables.mjs';
import { between, first, later, sleepers, threads } from './configurations.mjs';

const bytes = (size) => (size < 1024 ? `${size} B` : `${size / 1024} KiB`);

/** The ratio of each run to the first variant's of its round, their median; of a regime where one is named. */
function ratio(runs, standard, pick) {
  const ratios = runs.flatMap(({ round, figures }) => {
    const beside = standard.find((run) => run.round === round);
    return beside ? [pick(figures) / pick(beside.figures)] : [];
  });
  return ratios.length > 0 ? median(ratios).toFixed(2) : '–';
}

/** A row a variant, of those that were ever made: how many runs, and what each column says. */
function rows(variants, runs, columns) {
  const of = ({ name }) => runs.filter((run) => run.name === name);
  const standard = of(variants[0]);
  return variants.flatMap((variant) => {
    const those = of(variant);
    if (those.length === 0) return [];
    const cells = columns.flatMap(({ pick, compared = true }) => {
      const values = those.map(({ figures }) => pick(figures));
      if (!compared) return [ns(median(values))];
      return [`${ns(best(values))} / ${ns(median(values))}`, ratio(those, standard, pick)];
    });
    return [[variant.name, those.length, ...cells]];
  });
}

function print(title, variants, runs, columns) {
  if (!variants.some(({ name }) => runs.some((run) => run.name === name))) return;
  const head = columns.flatMap(({ name, compared = true }) => (compared ? [name, '×'] : [name]));
  console.log(`\n${title}:\n${table(['', 'runs', ...head], rows(variants, runs, columns))}`);
}

const each = [{ name: 'ns a record', pick: ({ ns }) => ns }];
const delays = [
  { name: 'median', pick: ({ p50 }) => p50 },
  { name: '99 %', pick: ({ p99 }) => p99 },
  { name: 'most', pick: ({ most }) => most, compared: false },
];
const passes = [
  { name: 'write', pick: ({ write }) => write },
  { name: 'read', pick: ({ read }) => read },
  { name: 'ms to open', pick: ({ openMs }) => openMs, compared: false },
  { name: 'MiB huge', pick: ({ hugeMiB }) => hugeMiB, compared: false },
];

const alone = threads.filter(({ busy }) => !busy);
const crowded = threads.filter(({ busy }) => busy);

/** Best and median over the rounds, and beside each the median ratio to the first row of the same round. */
export function printPlacement(all) {
  const every = Object.entries(all);
  const undisturbed = every.map(([name, runs]) => [name, runs.filter(({ disturbed }) => !disturbed)]);
  const measured = Object.fromEntries(undisturbed);
  const count = (of) => of.reduce((sum, [, runs]) => sum + runs.length, 0);
  const aside = count(every) - count(undisturbed);
  console.log(`\nset aside: ${aside} of ${count(every)} runs while other programs wanted the CPUs`);
  for (const where of ['near', 'far']) {
    const there = (runs) => runs.filter(({ probes }) => regime(probes) === where);
    const title = 'two processes, 64 B, ring of 1 MiB';
    print(`${title}, cores ${where}`, alone, there(measured.threads), each);
    print(`${title}, a busy program beside, cores ${where}`, crowded, there(measured.threads), each);
    for (const { size } of between) {
      const those = there(measured.between).filter((run) => run.size === size);
      print(`two processes, ${bytes(size)}, ring of 256 MiB, cores ${where}`, later.variants, those, each);
    }
  }
  print('from a write until a sleeping consumer has the record, µs', sleepers, measured.sleepers, delays);
  for (const [comparison, title] of Object.entries({ first: 'first', later: 'fourth' })) {
    const { capacity, sizes, variants } = { first, later }[comparison];
    for (const size of sizes) {
      const those = measured[comparison].filter((run) => run.size === size);
      const ring = `over a ring of ${capacity >> 20} MiB, ns a record of ${bytes(size)}`;
      print(`one process, ${title} pass ${ring}`, variants, those, passes);
    }
  }
}
