// `npm run bench`: JavaScript to JavaScript between processes, beside minimal native rings in the same
// run, how fast they hear of each other, and what a death costs. docs/benchmarks.md explains what the figures mean.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureBorder, printBorder } from './lib/border.mjs';
import { measureCalls } from './lib/calls.mjs';
import { CAPACITY, calls, deaths, manyProducers, oneProducer, rtrb } from './lib/configurations.mjs';
import { measureDeaths } from './lib/deaths.mjs';
import { roundTrips, wakes } from './lib/latency/configurations.mjs';
import { measureRoundTrip, measureWake, mediansLine } from './lib/latency/measure.mjs';
import { printLatency } from './lib/latency/tables.mjs';
import { measureLayouts, printLayouts } from './lib/layouts.mjs';
import { allowedCpus, machine, machineLine } from './lib/machine.mjs';
import { measureMemory } from './lib/memory.mjs';
import { buildNative, runRtrb } from './lib/native.mjs';
import { measurePlacement } from './lib/placement/measure.mjs';
import { printPlacement } from './lib/placement/tables.mjs';
import { watched } from './lib/pressure.mjs';
import { measureManyProducers, measureOneProducer, pairsLine } from './lib/rounds.mjs';
import { scaling } from './lib/scaling/configurations.mjs';
import { measureScaling } from './lib/scaling/measure.mjs';
import { printScaling } from './lib/scaling/tables.mjs';
import {
  asideLine,
  callsTable,
  deathsTable,
  farTable,
  memoryLine,
  nearTable,
  probeLine,
  rtrbTable,
} from './lib/tables.mjs';

const PARTS = ['spsc', 'mpsc', 'roundtrip', 'wake', 'calls', 'deaths', 'memory'];
const SCALING = Object.keys(scaling);
// Experiments with native rings, half a minute a round.
const LAYOUTS = 'layouts';
// Only when asked for.
const EXTRA = ['border', 'placement', 'scaling', ...SCALING, LAYOUTS];
const HELP = `npm run bench -- [options] [${[...PARTS, ...EXTRA].join(' | ')}]…

Without a part: all but border, placement, scaling, which is ${SCALING.join(', ')}, and ${LAYOUTS}, which are no
rings of the package.

  --quick           3 rounds instead of 15, and fewer deaths; of scaling and placement one instead of 3
  --rounds N        so many rounds
  --pin             each process on a CPU of its own where there are enough, native and JavaScript alike:
                    the first producer on the first allowed CPU, the consumer on the second
  --lag-micros N    drainSync's lagMicros, instead of the package's own
  --hugetlbfs DIR   of placement: a hugetlbfs with room for a ring of 256 MiB, to be compared too
  --json FILE       writes every raw figure
`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    pin: { type: 'boolean', default: false },
    'lag-micros': { type: 'string' },
    hugetlbfs: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help || positionals.some((part) => ![...PARTS, ...EXTRA].includes(part))) {
  console.log(HELP);
  process.exit(options.help ? 0 : 1);
}

const wanted = (part) => positionals.length === 0 || positionals.includes(part);
const grown = SCALING.filter((part) => positionals.includes(part) || positionals.includes('scaling'));
const rounds = Number(options.rounds ?? (options.quick ? 3 : 15));
const extraRounds = Number(options.rounds ?? (options.quick ? 1 : 3));
const settings = {
  cpus: allowedCpus(),
  pinned: options.pin,
  capacity: CAPACITY,
  lagMicros: options['lag-micros'] === undefined ? undefined : Number(options['lag-micros']),
};

/** Every configuration of every part once a round, so that all of them meet the same machine. */
async function measureRounds() {
  const [one, threads, many, trips, woken] = [[], [], [], [], []];
  for (let round = 1; round <= rounds; round++) {
    if (wanted('spsc')) {
      for (const configuration of oneProducer) one.push(await measureOneProducer(configuration, settings));
      const pin = settings.pinned && settings.cpus.length > 1 ? settings.cpus.slice(0, 2) : undefined;
      const { result, disturbed } = await watched(() => runRtrb(rtrb, { capacity: CAPACITY, pin }));
      threads.push({ ...result, disturbed });
      console.log(`round ${round}, spsc: ${pairsLine(one.slice(-oneProducer.length))}`);
    }
    if (wanted('mpsc')) {
      for (const configuration of manyProducers)
        many.push(await measureManyProducers(configuration, settings));
      console.log(`round ${round}, mpsc: ${pairsLine(many.slice(-manyProducers.length))}`);
    }
    if (wanted('roundtrip') && settings.cpus.length > 1) {
      for (const configuration of roundTrips) trips.push(await measureRoundTrip(configuration, settings));
      console.log(`round ${round}, round trips: ${mediansLine(trips.slice(-roundTrips.length))}`);
    }
    if (wanted('wake') && settings.cpus.length > 1) {
      for (const configuration of wakes) woken.push(await measureWake(configuration, settings));
      console.log(`round ${round}, wakes: ${mediansLine(woken.slice(-wakes.length))}`);
    }
  }
  return { one, threads, many, trips, woken };
}

function printPairs(kind, configurations, pairs) {
  if (pairs.length === 0) return;
  console.log(`\n${kind}, ns a record over all producers (best / median), cores near:`);
  console.log(nearTable(configurations, pairs));
  const far = farTable(configurations, pairs);
  if (far) console.log(`\ncores far, not judged:\n${far}`);
}

async function main() {
  const started = performance.now();
  await buildNative();
  const here = machine();
  console.log(machineLine(here));
  const { cpus } = settings;
  if (cpus.length < 2)
    console.log(
      'only one CPU: all processes share it, nothing is judged, and no round trip or wake is timed',
    );
  console.log(
    `${rounds} rounds, rings of ${CAPACITY >> 20} MiB, ${settings.pinned ? `pinned to CPUs ${cpus.join(', ')}` : 'not pinned'}`,
  );

  const memory = wanted('memory') ? await measureMemory(options.quick ? 3 : 5, CAPACITY) : undefined;
  const looks = wanted('calls') ? await measureCalls(calls, CAPACITY) : undefined;
  const kills = options.quick ? deaths.quickKills : deaths.kills;
  const holes = {};
  for (const waits of wanted('deaths') ? ['drainSync', 'wait'] : []) {
    holes[waits] = await measureDeaths(kills, waits, CAPACITY);
  }
  const { one, threads, many, trips, woken } = await measureRounds();
  const pairs = grown.length > 0 ? await measureScaling(grown, extraRounds, settings) : [];
  const border = positionals.includes('border') ? await measureBorder(rounds) : undefined;
  const layouts = positionals.includes(LAYOUTS) ? await measureLayouts(rounds, settings) : [];
  const placed = positionals.includes('placement')
    ? await measurePlacement(extraRounds, { ...settings, hugetlbfs: options.hugetlbfs })
    : undefined;

  const all = [...one, ...threads, ...many, ...trips, ...woken, ...pairs];
  if (all.length > 0) {
    console.log(`\n${probeLine(all.flatMap((item) => item.probes))}`);
    console.log(asideLine(all));
  }
  printPairs('spsc', oneProducer, one);
  if (threads.length > 0) {
    console.log(`\ntwo threads, 64 B, the native ring beside rtrb:\n${rtrbTable(threads)}`);
  }
  printPairs('mpsc', manyProducers, many);
  printLatency('roundTrips', roundTrips, trips);
  printLatency('wakes', wakes, woken);
  printScaling(grown, pairs);
  if (layouts.length > 0) printLayouts(layouts);
  if (border) printBorder(border);
  if (placed) printPlacement(placed);
  if (looks) {
    console.log(
      `\nwith ${calls.owners} owners in ${calls.processes} processes, µs a call:\n${callsTable(looks)}`,
    );
  }
  if (wanted('deaths')) {
    console.log(
      `\na producer killed inside a claim, ms until the consumer is past it:\n${deathsTable(holes)}`,
    );
  }
  if (memory) console.log(`\n${memoryLine(memory)}`);
  console.log(`took ${((performance.now() - started) / 1000).toFixed(0)} s`);
  if (options.json) {
    const date = new Date().toISOString().slice(0, 10);
    const latency = { roundTrips: trips, wakes: woken };
    const measured = {
      pairs: one,
      threads,
      many,
      ...latency,
      scaling: pairs,
      placement: placed,
      layouts,
      border,
      calls: looks,
      deaths: holes,
      memory,
    };
    const raw = { machine: here, date, settings, ...measured };
    writeFileSync(options.json, JSON.stringify(raw, null, 2));
  }
}

try {
  await main();
} catch (error) {
  // What failed says it itself, a child with its own standard error.
  console.error(error.message);
  process.exit(1);
}
