// What was asked for on the command line: `npm start -- [--kills N] [FILE…]`.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `npm start [-- [--kills N] [FILE…]]

Sends the lines of FILE… (or of all source files under node_modules) from a child process to this one
through a ring, a stdio pipe and a Unix socket, then 1,000,000 records of 1 KiB, then kills a sender.

  --kills N   kill N senders one after the other instead of one`;

/** Told to the person as it is. */
export class UsageError extends Error {}

/**
 * @param {readonly string[]} args
 * @param {string} folder what relative paths are relative to
 * @returns {{ help: boolean, kills: number, paths: string[] }}
 */
export function readArguments(args, folder) {
  const { values, positionals } = parse(args);
  const kills = Number(values.kills);
  if (!Number.isInteger(kills) || kills < 1 || kills > 1000) {
    throw new UsageError(`--kills takes a whole number from 1 to 1000, not "${values.kills}".`);
  }
  return { help: values.help, kills, paths: positionals.map((path) => resolve(folder, path)) };
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        kills: { type: 'string', default: '1' },
      },
    });
  } catch (error) {
    throw new UsageError(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
  }
}
