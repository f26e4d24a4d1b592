// Runs one tool of the set-up in a process group of its own, so that the whole of it can be ended.
import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

/** How long a tool may take to end after SIGTERM. */
const PATIENCE_MS = 1_000;

export class ToolFailed extends Error {
  /**
   * @param {string} how
   * @param {string} output what it printed
   */
  constructor(how, output) {
    super(how);
    this.output = output;
  }
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, signal: AbortSignal, onLine: (line: string) => void }} options
 *   `onLine` hears each line as it comes; a progress bar that is redrawn counts as lines
 * @returns {Promise<void>} rejects with `ToolFailed`, or with the signal's reason once the tool is gone
 */
export function runTool(command, args, { cwd, env, signal, onLine }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    /** @type {string[]} */
    const output = [];

    /** @param {NodeJS.Signals} name */
    const killGroup = (name) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // The group is gone already.
      }
    };
    /** @type {NodeJS.Timeout | undefined} */
    let lastResort;
    const abort = () => {
      killGroup('SIGTERM');
      lastResort = setTimeout(() => killGroup('SIGKILL'), PATIENCE_MS);
    };
    signal.addEventListener('abort', abort, { once: true });

    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        output.push(text);
        const lines = (rest + text).split(/[\r\n]+/);
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const plain = stripVTControlCharacters(line).trim();
          if (plain !== '') onLine(plain);
        }
      });
    }

    let settled = false;
    /** @param {string} how */
    const settle = (how) => {
      if (settled) return;
      settled = true;
      clearTimeout(lastResort);
      signal.removeEventListener('abort', abort);
      if (signal.aborted) reject(signal.reason);
      else if (how === '') resolve();
      else reject(new ToolFailed(how, readable(output.join(''))));
    };
    child.on('error', (error) => settle(`could not be started (${error.message})`));
    child.on('close', (code, name) => {
      if (code === 0) settle('');
      else settle(name ? `was ended by ${name}` : `failed with exit code ${code}`);
    });
  });
}

/**
 * What a person wants to read of a tool's output: of a line that was redrawn the last state, and no
 * stack frames of the tool's own.
 *
 * @param {string} output
 */
export function readable(output) {
  return output.replace(/[^\n]*\r(?!\n)/g, '').replace(/^ +at .*:\d+:\d+\)?\n/gm, '');
}
