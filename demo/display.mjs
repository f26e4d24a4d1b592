// What the demo shows: a progress bar on a terminal, plain lines elsewhere, tables at the end.
import { Presets, SingleBar } from 'cli-progress';
import Table from 'cli-table3';

/** @typedef {import('./race.mjs').Result} Result */

const REDRAW_MS = 80;

/** @param {number} count */
export function grouped(count) {
  return count.toLocaleString('en-US');
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1e4) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {number} seconds */
function shortTime(seconds) {
  return seconds < 0.1 ? `${(seconds * 1000).toFixed(1)} ms` : `${seconds.toFixed(2)} s`;
}

/**
 * Progress towards a number of records. Nothing is drawn where nobody watches.
 *
 * @param {string} title
 * @param {number} total
 * @param {NodeJS.WriteStream} [stream]
 */
export function showProgress(title, total, stream = process.stdout) {
  if (!stream.isTTY) return { update: () => {}, end: () => {} };
  const bar = new SingleBar(
    {
      stream,
      format: `{title} {bar} {percentage}%  {records} of ${grouped(total)} records`,
      // The ring's loop keeps the thread for a slice at a time: drawn when told, not by a timer.
      fps: 1000 / REDRAW_MS,
      barsize: 30,
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  const padded = title.padEnd(28);
  bar.start(total, 0, { title: padded, records: '0' });
  let drawn = 0;
  return {
    /** @param {number} count */
    update: (count) => {
      // Asked for with every chunk that comes; the clock runs, so mostly nothing is done.
      const now = performance.now();
      if (now - drawn < REDRAW_MS && count < total) return;
      drawn = now;
      bar.update(count, { records: grouped(count) });
    },
    end: () => bar.stop(),
  };
}

/**
 * One transport's result as a line.
 *
 * @param {Result} result
 */
export function resultLine({ title, records, bytes, seconds, says }) {
  const columns = [
    title.padEnd(28),
    `${grouped(records)} records`,
    size(bytes),
    shortTime(seconds),
    `${grouped(Math.round(records / seconds))} records/s`,
    says,
  ];
  return columns.join('  ');
}

/**
 * All results of one stream, compared with the pipe.
 *
 * @param {string} title
 * @param {readonly Result[]} results
 * @returns {string}
 */
export function resultTable(title, results) {
  const table = new Table({
    head: [title, 'records', 'bytes', 'time', 'records/s', 'GB/s', '× pipe', 'checked'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  const pipe = results.find((result) => result.title === 'stdio pipe');
  for (const { title: transport, records, bytes, seconds, says } of results) {
    table.push([
      transport,
      grouped(records),
      grouped(bytes),
      shortTime(seconds),
      grouped(Math.round(records / seconds)),
      (bytes / seconds / 1e9).toFixed(3),
      pipe === undefined ? '' : (pipe.seconds / seconds).toFixed(1),
      says,
    ]);
  }
  return table.toString();
}

/**
 * @param {import('./kill.mjs').Kill} kill
 * @returns {string[]}
 */
export function killLines({ afterMs, acknowledged, delivered, lost, resumedMs, startMs }) {
  const more = delivered - acknowledged;
  const unnoted = more > 0 ? ` (${more} more: in the ring before its sender could note the success)` : '';
  return [
    `Killed the sender with SIGKILL in mid-stream, ${Math.round(afterMs)} ms after its first record:`,
    `  acknowledged ${grouped(acknowledged)}, delivered ${grouped(delivered)}${unnoted}, lost ${grouped(lost)}`,
    `  its successor resumed in ${resumedMs.toFixed(1)} ms (${startMs.toFixed(1)} ms of it: a Node process starts and attaches)`,
  ];
}
