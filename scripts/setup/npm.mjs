// How npm is started: under `npm start`, the npm that the person runs; by hand, the one on the PATH.
import { basename } from 'node:path';

/**
 * @param {readonly string[]} args
 * @returns {{ command: string, args: string[] }}
 */
export function npm(args) {
  const path = process.env.npm_execpath;
  if (path && basename(path) === 'npm-cli.js') return { command: process.execPath, args: [path, ...args] };
  return { command: 'npm', args: [...args] };
}
