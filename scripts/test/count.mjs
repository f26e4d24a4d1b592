// Adds up what test runners say, and never calls a run good that proved nothing.

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

/**
 * The counts of `cargo test`: one `test result:` line a test binary and one for the documentation.
 *
 * @param {string} output without colours
 * @returns {Count}
 */
export function countCargo(output) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/gm,
  )) {
    count.passed += Number(passed);
    count.failed += Number(failed);
    count.skipped += Number(ignored);
  }
  return count;
}

/**
 * What vitest-reporter.mjs wrote; no test when it wrote nothing.
 *
 * @param {string | undefined} written
 * @returns {{ count: Count, unfinished: string[] }} `unfinished`: test files that did not come to an end
 */
export function countVitest(written) {
  if (written === undefined) return { count: { passed: 0, failed: 0, skipped: 0 }, unfinished: [] };
  const { unfinished, ...count } = JSON.parse(written);
  return { count, unfinished };
}

/**
 * Sets a runner's counts against the way it ended. A failure that no test accounts for (a crash, a
 * file that cannot be loaded, an unhandled error) counts as one failed, and so does a run of nothing.
 *
 * @param {string} runner
 * @param {Count} count
 * @param {string | undefined} failure how the runner ended, if not well
 * @returns {{ count: Count, complaint?: string }}
 */
export function judge(runner, count, failure) {
  const oneMore = { ...count, failed: count.failed + 1 };
  if (failure !== undefined && count.failed === 0) {
    return {
      count: oneMore,
      complaint: `${runner} ${failure}; no failed test accounts for it: counted as one failed.`,
    };
  }
  if (count.passed + count.failed === 0) {
    return { count: oneMore, complaint: `${runner} ran no test at all: counted as one failed.` };
  }
  return { count };
}

/**
 * @param {Count} one
 * @param {Count} other
 * @returns {Count}
 */
export function add(one, other) {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  };
}

/**
 * The last line of a test run, for people and programs.
 *
 * @param {Count} count
 */
export function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
