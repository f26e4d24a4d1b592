// Starts one test runner, lets its output through, and ends all of it when it takes too long.
import { spawn } from 'node:child_process';

/** No suite takes this long unless something in it hangs. */
const LIMIT_MS = 20 * 60_000;
const PATIENCE_MS = 3_000;

/** @type {Set<() => void>} */
const running = new Set();

/** Ends every runner with all that it started. */
export function endRunners() {
  for (const end of running) end();
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, onOutput?: (text: string) => void }} options with `onOutput` the runner writes
 *   to a pipe and the text is passed on; without, it has the terminal for itself
 * @returns {Promise<string | undefined>} how it ended, if not well
 */
export function runRunner(command, args, { cwd, env = process.env, onOutput }) {
  return new Promise((resolve) => {
    const stdio = onOutput ? 'pipe' : 'inherit';
    // A process group of its own, so that the whole of it can be ended.
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', stdio, stdio], detached: true });
    /** @param {NodeJS.Signals} name */
    const kill = (name) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // It is gone already.
      }
    };
    const end = () => {
      kill('SIGTERM');
      setTimeout(() => kill('SIGKILL'), PATIENCE_MS).unref();
    };
    running.add(end);
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      end();
    }, LIMIT_MS);

    if (onOutput) {
      for (const [from, to] of /** @type {const} */ ([
        [child.stdout, process.stdout],
        [child.stderr, process.stderr],
      ])) {
        from?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
          to.write(text);
          onOutput(text);
        });
      }
    }
    /** @param {string | undefined} failure */
    const settle = (failure) => {
      clearTimeout(limit);
      running.delete(end);
      resolve(failure);
    };
    child.on('error', (error) => settle(`could not be started (${error.message})`));
    child.on('close', (code, name) => {
      if (late) settle(`did not end within ${LIMIT_MS / 60_000} minutes`);
      else if (code === 0) settle(undefined);
      else settle(name ? `was ended by ${name}` : `ended with exit code ${code}`);
    });
  });
}
