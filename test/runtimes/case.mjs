// One case under one runtime: a program of its own, whose end is the verdict.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expected, outcomeOf } from './outcome.mjs';

/** Only a hang takes this long: a thousand Workers on a busy machine take a minute. */
const LIMIT_MS = 240_000;

/**
 * @param {import('./runtimes.mjs').Runtime} runtime
 * @param {string} name of a file in cases
 * @param {{ directory: string, signal: AbortSignal }} options where its rings lie; what ends it early
 * @returns {Promise<import('./outcome.mjs').Outcome>}
 */
export async function runCase(runtime, name, { directory, signal }) {
  const file = fileURLToPath(new URL(`cases/${name}.mjs`, import.meta.url));
  const [program = '', ...flags] = runtime.command;
  // A process group of its own: what a hanging case has started ends with it.
  const child = spawn(program, [...flags, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SHMRING_DIR: directory },
    detached: true,
  });
  let late = false;
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  };
  const limit = setTimeout(() => {
    late = true;
    kill();
  }, LIMIT_MS);
  signal.addEventListener('abort', kill, { once: true });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [code, endedBy] = await once(child, 'close');
  clearTimeout(limit);
  signal.removeEventListener('abort', kill);
  kill();
  return expected(runtime.name, name, outcomeOf({ code, signal: endedBy, late, stdout, stderr }));
}
