// Runs every test: the core's with cargo, the package's with vitest; ends with one line for both.
//
//   npm test                  everything
//   npm test -- rust ARG…     only cargo test, with these arguments
//   npm test -- node ARG…     only vitest, with these arguments
//
// What the machine did not let a test try is printed. Where the environment variable CI is set, it
// must be a cause that test/known-skips.json explains: each other one counts as a failure.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { toolchainProblems } from './setup/toolchain.mjs';
import { add, countCargo, countVitest, judge, summary } from './test/count.mjs';
import { endRunners, runRunner } from './test/runner.mjs';
import { explain, readSkips, SKIPS_FILE, takeOff } from './test/skips.mjs';
import { COUNTS_FILE } from './test/vitest-reporter.mjs';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const scratch = mkdtempSync(join(tmpdir(), 'shmring-test-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const skipsFile = join(scratch, 'skips');
const env = { ...process.env, [SKIPS_FILE]: skipsFile };

/** @param {string[]} args */
async function runCargo(args) {
  const [problem] = toolchainProblems();
  if (problem !== undefined)
    return { ...judge('cargo test', countCargo(''), 'could not run'), complaint: problem };
  let output = '';
  const color = process.stdout.isTTY ? 'always' : 'never';
  const failure = await runRunner('cargo', ['test', '--no-fail-fast', '--color', color, ...args], {
    cwd: join(ROOT, 'crate'),
    env,
    onOutput: (text) => {
      output += text;
    },
  });
  const count = countCargo(stripVTControlCharacters(output));
  return judge('cargo test', takeOff(count, readSkips(skipsFile).length), failure);
}

/** @param {string[]} args */
async function runVitest(args) {
  const file = join(scratch, 'counts.json');
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const reporter = join(ROOT, 'scripts', 'test', 'vitest-reporter.mjs');
  const failure = await runRunner(
    process.execPath,
    [vitest, 'run', '--reporter=default', `--reporter=${reporter}`, ...args],
    { cwd: ROOT, env: { ...env, [COUNTS_FILE]: file } },
  );
  const { count, unfinished } = countVitest(readIfThere(file));
  return judge('vitest', count, failure && [failure, ...unfinished].join(', not finished: '));
}

/** @param {string} file */
function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

let interrupted = 0;
for (const [name, status] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])) {
  process.on(name, () => {
    interrupted = status;
    endRunners();
  });
}

const [first, ...rest] = process.argv.slice(2);
const runners =
  first === 'rust'
    ? [() => runCargo(rest)]
    : first === 'node'
      ? [() => runVitest(rest)]
      : [() => runCargo([]), () => runVitest(process.argv.slice(2))];

let total = { passed: 0, failed: 0, skipped: 0 };
for (const run of runners) {
  const { count, complaint } = await run();
  if (interrupted !== 0) process.exit(interrupted);
  if (complaint !== undefined) console.error(complaint);
  total = add(total, count);
}
const known = JSON.parse(readFileSync(join(ROOT, 'test', 'known-skips.json'), 'utf8'));
const { lines, unexplained } = explain(readSkips(skipsFile), total.skipped, known);
for (const line of lines) console.log(line);
if (process.env.CI) total.failed += unexplained;
console.log(summary(total));
if (total.failed > 0) process.exitCode = 1;
