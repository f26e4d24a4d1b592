// Tables of what was run, and what failed in full.
import Table from 'cli-table3';

/**
 * @typedef {import('./outcome.mjs').Outcome} Outcome
 * @typedef {{ row: string, column: string, outcome: Outcome }} Result
 */

/** No lines between the rows. */
const PLAIN = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
const SHOWN = { passed: 'passed', unsupported: 'UNSUPPORTED', failed: 'FAILED' };

/**
 * @param {string} corner
 * @param {readonly Result[]} results
 */
export function tableOf(corner, results) {
  const columns = [...new Set(results.map(({ column }) => column))];
  const rows = [...new Set(results.map(({ row }) => row))];
  const table = new Table({ head: [corner, ...columns], style: { head: [], border: [] }, chars: PLAIN });
  for (const row of rows) {
    const cells = columns.map((column) => {
      const result = results.find((one) => one.row === row && one.column === column);
      return result === undefined ? '' : SHOWN[result.outcome.verdict];
    });
    table.push([row, ...cells]);
  }
  return table.toString();
}

/**
 * The reasons, one entry each.
 *
 * @param {readonly Result[]} results
 * @returns {string[]}
 */
export function reasonsOf(results) {
  return results.flatMap(({ row, column, outcome: { verdict, detail } }) =>
    verdict === 'passed' ? [] : [`${SHOWN[verdict]}: ${row}, ${column}: ${detail}`],
  );
}

/**
 * A known UNSUPPORTED counts as passed: that it is named, and not a crash, is what was tested.
 *
 * @param {readonly Result[]} results
 * @returns {import('../../scripts/test/count.mjs').Count}
 */
export function countOf(results) {
  const failed = results.filter(({ outcome }) => outcome.verdict === 'failed').length;
  return { passed: results.length - failed, failed, skipped: 0 };
}
