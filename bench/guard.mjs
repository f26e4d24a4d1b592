// `npm run bench:guard`: a check that fails when a change makes a hot path about twice as slow. Everything is
// a ratio of two best figures out of the same rounds, and its bound twice what was measured (docs/performance.md),
// so that no noise trips it; what misses its bound is measured twice more before it is believed.
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { CAPACITY, manyProducers, oneProducer } from './lib/configurations.mjs';
import { best } from './lib/figures.mjs';
import { allowedCpus } from './lib/machine.mjs';
import { buildNative } from './lib/native.mjs';
import { measureManyProducers, measureOneProducer } from './lib/rounds.mjs';

const { rounds } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } }).values;
const ATTEMPTS = 3;
const settings = { cpus: allowedCpus(), pinned: false, capacity: CAPACITY };

const named = (configurations, name) => configurations.find((configuration) => configuration.name === name);
const spsc = (name) => () => measureOneProducer(named(oneProducer, name), settings);
const mpsc = (name) => () => measureManyProducers(named(manyProducers, name), settings);

/** What is run once a round. */
const RUNS = {
  'spsc 64 B': spsc('64 B'),
  'spsc 64 B, by the addon': spsc('64 B, by the addon'),
  'spsc 64 B × 64': spsc('64 B × 64'),
  'spsc 1 KiB': spsc('1 KiB'),
  'mpsc 64 B': mpsc('64 B'),
  'mpsc 1 KiB': mpsc('1 KiB'),
};

const js = (run) => (figures) => best(figures[run].map((pair) => pair.js));
const native = (run) => (figures) => best(figures[run].map((pair) => pair.native));

/** What is compared with what, and how many times as much it may be. */
const RATIOS = [
  { of: 'spsc 64 B', to: 'the native ring', ratio: [js('spsc 64 B'), native('spsc 64 B')], atMost: 16 },
  {
    of: 'spsc 64 B',
    to: 'the same by the addon',
    ratio: [js('spsc 64 B'), js('spsc 64 B, by the addon')],
    atMost: 1.2,
  },
  {
    of: 'spsc 64 B, by the addon',
    to: 'the native ring',
    ratio: [js('spsc 64 B, by the addon'), native('spsc 64 B')],
    atMost: 26,
  },
  {
    of: 'spsc 64 B × 64',
    to: 'the native ring',
    ratio: [js('spsc 64 B × 64'), native('spsc 64 B × 64')],
    atMost: 15,
  },
  { of: 'spsc 1 KiB', to: 'the native ring', ratio: [js('spsc 1 KiB'), native('spsc 1 KiB')], atMost: 6 },
  { of: 'mpsc 64 B', to: 'the native ring', ratio: [js('mpsc 64 B'), native('mpsc 64 B')], atMost: 11 },
  { of: 'mpsc 1 KiB', to: 'the native ring', ratio: [js('mpsc 1 KiB'), native('mpsc 1 KiB')], atMost: 6 },
];

/** Every run once a round, so that all of them meet the same machine. */
async function measure(figures) {
  for (let round = 1; round <= Number(rounds); round++) {
    for (const [name, run] of Object.entries(RUNS)) figures[name].push(await run());
  }
}

function judge(figures) {
  return RATIOS.map(({ of, to, ratio: [some, other], atMost }) => {
    const ratio = some(figures) / other(figures);
    return { of, to, ratio, atMost, kept: ratio <= atMost };
  });
}

await buildNative();
const figures = Object.fromEntries(Object.keys(RUNS).map((name) => [name, []]));
let verdicts;
for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
  await measure(figures);
  verdicts = judge(figures);
  if (verdicts.every(({ kept }) => kept)) break;
}
const table = new Table({
  head: ['', 'times as much as', 'ratio', 'at most', ''],
  style: { head: [], border: [] },
});
for (const { of, to, ratio, atMost, kept } of verdicts) {
  table.push([of, to, ratio.toFixed(2), atMost, kept ? 'kept' : 'MISSED']);
}
console.log(table.toString());
process.exitCode = verdicts.every(({ kept }) => kept) ? 0 : 1;
