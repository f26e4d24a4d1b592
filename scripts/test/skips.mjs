// What tests could not try because the machine refuses it: gathered from all runners, printed with
// their causes, and held against the causes that are known and explained.
import { appendFileSync, readFileSync } from 'node:fs';

/** The environment variable that names the file where skips are gathered, a line each. */
export const SKIPS_FILE = 'SHMRING_TEST_SKIPS';

/** @typedef {{ cause: string, runner: string, test: string, detail: string }} Skip */

/**
 * Notes one skip. crate/tests/skipping/mod.rs does the same for Rust.
 *
 * @param {Skip} skip
 */
export function note({ cause, runner, test, detail }) {
  const file = process.env[SKIPS_FILE];
  const line = [cause, runner, test, detail].map((part) => part.replace(/[\t\n]+/g, ' ')).join('\t');
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}

/**
 * @param {string} file
 * @returns {Skip[]}
 */
export function readSkips(file) {
  return readIfThere(file)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [cause = '', runner = '', test = '', detail = ''] = line.split('\t');
      return { cause, runner, test, detail };
    });
}

/** @param {string} file */
function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Takes skips off what a runner counted as passed: `cargo test` knows no skip at run time.
 *
 * @param {import('./count.mjs').Count} count
 * @param {number} skips
 * @returns {import('./count.mjs').Count}
 */
export function takeOff(count, skips) {
  return { ...count, passed: count.passed - skips, skipped: count.skipped + skips };
}

/**
 * @param {readonly Skip[]} skips
 * @param {number} counted how many skips the runners counted in all
 * @param {Record<string, string>} known from cause to reason
 * @returns {{ lines: string[], unexplained: number }} what to print, and how many skips have no listed cause
 */
export function explain(skips, counted, known) {
  const lines = [];
  let unexplained = 0;
  for (const { cause, runner, test, detail } of skips) {
    const reason = Object.hasOwn(known, cause) ? known[cause] : undefined;
    if (reason === undefined) unexplained += 1;
    lines.push(`skipped: ${runner}: ${test}: ${cause} (${detail}); ${reason ?? 'not a known cause'}`);
  }
  const silent = counted - skips.length;
  if (silent > 0) {
    unexplained += silent;
    lines.push(`skipped: ${silent} without a cause`);
  }
  return { lines, unexplained };
}
