// `npm run bench`: JavaScript to JavaScript between two processes, beside a minimal native ring in
// the same run. docs/benchmarks.md explains what the figures mean.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import './lib/children.mjs';
import { CAPACITY, configurations, rtrb } from './lib/configurations.mjs';
import { allowedCpus, machine, machineLine } from './lib/machine.mjs';
import { measureMemory } from './lib/memory.mjs';
import { buildNative, probe, runNative, runRtrb } from './lib/native.mjs';
import { runJavaScript } from './lib/pair.mjs';
import { watched } from './lib/pressure.mjs';
import { asideLine, farTable, memoryLine, nearTable, probeLine, rtrbTable } from './lib/tables.mjs';

const HELP = `npm run bench -- [options]

  --quick           3 rounds instead of 15
  --rounds N        so many rounds
  --pin             producer on the first allowed CPU, consumer on the second, native and JavaScript alike
  --lag-micros N    drainSync's lagMicros, instead of the package's own
  --json FILE       writes every raw figure
`;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    pin: { type: 'boolean', default: false },
    'lag-micros': { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit();
}

const rounds = Number(options.rounds ?? (options.quick ? 3 : 15));
const cpus = allowedCpus();
if (cpus.length < 2) console.log('only one CPU: both sides share it, and nothing is judged');
const placement = {
  capacity: CAPACITY,
  pin: options.pin && cpus.length > 1 ? cpus.slice(0, 2) : undefined,
  lagMicros: options['lag-micros'] === undefined ? undefined : Number(options['lag-micros']),
};

/** Native and JavaScript next to each other in time, a probe before, between and after. */
async function measurePair(configuration) {
  const before = await probe();
  const native = await watched(() => runNative(configuration, placement));
  const between = await probe();
  const js = await watched(() => runJavaScript(configuration, placement));
  return {
    configuration: configuration.name,
    probes: [before, between, await probe()],
    disturbed: native.disturbed || js.disturbed,
    native: native.result,
    js: js.result.nsPerRecord,
    refusals: js.result.refusals,
    waited: [native.share, js.share],
  };
}

async function main() {
  const started = performance.now();
  await buildNative();
  const here = machine();
  console.log(machineLine(here));
  console.log(
    `${rounds} rounds, rings of ${CAPACITY >> 20} MiB, ` +
      (placement.pin ? `producer on CPU ${placement.pin[0]}, consumer on ${placement.pin[1]}` : 'not pinned'),
  );

  const memory = await measureMemory(options.quick ? 3 : 5, CAPACITY);
  const pairs = [];
  const threads = [];
  for (let round = 1; round <= rounds; round++) {
    for (const configuration of configurations) pairs.push(await measurePair(configuration));
    const { result, disturbed } = await watched(() => runRtrb(rtrb, placement));
    threads.push({ ...result, disturbed });
    const last = pairs.slice(-configurations.length);
    const figures = last.map(
      (pair) => `${pair.configuration} ${pair.native.toFixed(1)} → ${pair.js.toFixed(1)}`,
    );
    const line = last.flatMap((pair) => pair.probes).map((nanoseconds) => nanoseconds?.toFixed(0) ?? '-');
    console.log(`round ${round}: ${figures.join(', ')} ns; probes ${line.join(' ')}`);
  }

  const probes = [...pairs, ...threads].flatMap((item) => item.probes);
  console.log(`\n${probeLine(probes)}`);
  console.log(asideLine([...pairs, ...threads]));
  console.log('\ntwo processes, ns a record (best / median), cores near:');
  console.log(nearTable(pairs));
  const far = farTable(pairs);
  if (far) console.log(`\ncores far, not judged:\n${far}`);
  console.log('\ntwo threads, 64 B, the native ring beside rtrb:');
  console.log(rtrbTable(threads));
  console.log(`\n${memoryLine(memory)}`);
  console.log(`took ${((performance.now() - started) / 1000).toFixed(0)} s`);
  if (options.json) {
    writeFileSync(
      options.json,
      JSON.stringify({ machine: here, placement, pairs, threads, memory }, null, 2),
    );
  }
}

try {
  await main();
} catch (error) {
  // What failed says it itself, a child with its own standard error.
  console.error(error.message);
  process.exit(1);
}
