// The split of a call from JavaScript into native code.
import Table from 'cli-table3';
import { forgetRing, ringName } from './children.mjs';
import { borderAddon } from './native.mjs';
import { runNode } from './node.mjs';

/** The figures of one process, in nanoseconds; see ../border.mjs. */
export async function measureBorder(rounds) {
  const name = ringName();
  try {
    return await runNode('border.mjs', { addon: borderAddon, name, rounds: 20 * rounds });
  } finally {
    for (const kind of ['spsc', 'mpsc']) forgetRing(`${name}-${kind}`);
  }
}

function table(head, rows) {
  const made = new Table({
    style: { head: [], border: [] },
    head,
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
  });
  made.push(...rows);
  return made.toString();
}

const ns = (value) => value.toFixed(1);

export function printBorder({ steps, strings, spsc, mpsc }) {
  const stepRows = Object.entries(steps).map(([what, value]) => [what, ns(value)]);
  console.log(`\nacross the border, one thread, best, ns a call:\n${table(['', 'in all'], stepRows)}`);
  const textRows = Object.entries(strings).map(([what, by]) => [
    what,
    ns(by.utf8),
    ns(by.utf16),
    ns(by.latin1),
  ]);
  console.log(table(['with a string, in all', 'UTF-8', 'UTF-16', 'Latin-1'], textRows));
  const ringRows = Object.keys(spsc).map((what) => [what, ns(spsc[what]), ns(mpsc[what])]);
  console.log(`a whole call, ns a record:\n${table(['', 'spsc', 'mpsc'], ringRows)}`);
}
