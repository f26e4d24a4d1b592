// Runs the process tests in short under every runtime, and mixed pairs of runtimes on one ring.
//
//   npm run test:runtimes                     everything
//   npm run test:runtimes -- bun deno smoke   only these runtimes, only these cases (or `pairs`)
//
// A runtime that npm could not bring is a skip, as in `npm test`: see test/known-skips.json.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { summary } from '../../scripts/test/count.mjs';
import { explain } from '../../scripts/test/skips.mjs';
import { runCase } from './case.mjs';
import { killChildren } from './child.mjs';
import { runPair } from './pair.mjs';
import { countOf, reasonsOf, tableOf } from './report.mjs';
import { findRuntimes, NAMES } from './runtimes.mjs';

/**
 * @typedef {import('./report.mjs').Result} Result
 * @typedef {() => Promise<Result>} Job
 */

const PAIRS = 'pairs';
const CASES = readdirSync(new URL('cases/', import.meta.url))
  .filter((file) => file.endsWith('.mjs'))
  .map((file) => file.slice(0, -'.mjs'.length))
  .sort();

/** On the tmpfs: the rings of everything that is run here, so that nothing is left behind. */
const folder = mkdtempSync('/dev/shm/shmring-runtimes-');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const controller = new AbortController();
for (const [name, status] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])) {
  process.on(name, async () => {
    controller.abort();
    await killChildren();
    process.exit(status);
  });
}

/**
 * Runs jobs, so many at a time, and tells of each as it ends.
 *
 * @param {readonly Job[]} jobs
 * @param {number} atOnce
 * @returns {Promise<Result[]>} in the order of the jobs
 */
async function runAll(jobs, atOnce) {
  /** @type {Result[]} */
  const results = [];
  const waiting = [...jobs.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, job] = next;
      const began = performance.now();
      const result = await job();
      results[index] = result;
      const took = Math.round(performance.now() - began);
      console.log(`${result.outcome.verdict}: ${result.row}, ${result.column} (${took} ms)`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((word) => ![...NAMES, ...CASES, PAIRS].includes(word));
if (unknown.length > 0) {
  console.error(`Neither a runtime nor a case: ${unknown.join(', ')}. Runtimes: ${NAMES.join(', ')}.`);
  console.error(`Cases: ${CASES.join(', ')}, ${PAIRS}.`);
  process.exit(1);
}
/** @param {readonly string[]} all */
const chosen = (all) => {
  const some = all.filter((name) => wanted.includes(name));
  return some.length > 0 ? some : all;
};

const { found, missing } = findRuntimes(chosen(NAMES));
for (const { name, version } of found) console.log(`${name}: ${version}`);
const whats = chosen([...CASES, PAIRS]);

const cases = whats
  .filter((what) => what !== PAIRS)
  .flatMap((row) =>
    found.map((runtime) => async () => ({
      row,
      column: runtime.name,
      outcome: await runCase(runtime, row, {
        // One case may look at all rings of its directory.
        directory: mkdtempSync(join(folder, 'case-')),
        signal: controller.signal,
      }),
    })),
  );
const ofCases = await runAll(cases, Math.max(1, Math.min(4, availableParallelism())));

const pairs = found.flatMap((writers, i) =>
  found.map((reader, j) => async () => ({
    row: writers.name,
    column: reader.name,
    outcome: await runPair([writers], reader, i * found.length + j, folder),
  })),
);
/** Each runtime once in each place. */
const trios = found.map((first, i) => async () => {
  const [second = first, reader = first] = [1, 2].map((step) => found[(i + step) % found.length]);
  return {
    row: `${first.name} + ${second.name}`,
    column: reader.name,
    outcome: await runPair([first, second], reader, i, folder),
  };
});
// One at a time: a pair is two busy processes.
const ofPairs = whats.includes(PAIRS) ? await runAll(pairs, 1) : [];
const ofTrios = whats.includes(PAIRS) ? await runAll(trios, 1) : [];

if (ofCases.length > 0) console.log(`\n${tableOf('case', ofCases)}`);
if (ofPairs.length > 0) console.log(`\n${tableOf('writers \\ reader', ofPairs)}`);
if (ofTrios.length > 0) console.log(`\n${tableOf('two writers \\ reader', ofTrios)}`);
const results = [...ofCases, ...ofPairs, ...ofTrios];
for (const reason of reasonsOf(results)) console.log(reason);

const known = JSON.parse(readFileSync(new URL('../known-skips.json', import.meta.url), 'utf8'));
const skips = missing.map(({ name, detail }) => {
  return { cause: `runtime-${name}`, runner: 'runtimes', test: `everything under ${name}`, detail };
});
const { lines, unexplained } = explain(skips, skips.length, known);
for (const line of lines) console.log(line);
const total = { ...countOf(results), skipped: skips.length };
if (process.env.CI) total.failed += unexplained;
if (results.length === 0 && skips.length === 0) total.failed += 1;
console.log(summary(total));
process.exit(total.failed > 0 ? 1 : 0);
