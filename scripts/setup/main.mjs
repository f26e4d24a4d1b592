// Finds out what is missing or out of date, does only that, and tells what it does.
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { showStep } from './display.mjs';
import { lock } from './lock.mjs';
import { endWithParent } from './parent.mjs';
import { readStamp, removeStamp, sameContents, takeStamp, writeStamp } from './stamp.mjs';
import { furtherSteps, steps } from './steps.mjs';
import { runTool, ToolFailed } from './tool.mjs';
import { toolchainProblems } from './toolchain.mjs';

/** @typedef {import('./steps.mjs').Step} Step */

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
const PROGRESS_MS = 250;

/** Said to the person as it is, without a stack trace. */
class SetUpError extends Error {}

/** @param {string[]} args `--quiet`, `--with STEP`, then perhaps `--then FILE ARG…` */
export async function main(args) {
  endWithParent();
  const then = args.indexOf('--then');
  const own = then === -1 ? args : args.slice(0, then);
  const further = Object.entries(furtherSteps).filter(([name]) => own.includes(name));
  const status = await setUpWithSignals({
    quiet: own.includes('--quiet'),
    steps: [...steps, ...further.map(([, step]) => step)],
  });
  if (status !== 0) process.exit(status);
  if (then === -1) return;
  const file = resolve(ROOT, args[then + 1] ?? '');
  // The program sees its own name and arguments, as if it had been started by itself.
  process.argv.splice(1, Infinity, file, ...args.slice(then + 2));
  await import(pathToFileURL(file).href);
}

/**
 * @param {{ quiet: boolean, steps: readonly Step[] }} options
 * @returns {Promise<number>} the exit code
 */
async function setUpWithSignals({ quiet, steps }) {
  const controller = new AbortController();
  let status = 1;
  const onInterrupt = () => {
    status = 130;
    controller.abort();
  };
  const onTerminate = () => {
    status = 143;
    controller.abort();
  };
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate);
  try {
    await setUp({ root: ROOT, signal: controller.signal, quiet, steps });
    return 0;
  } catch (error) {
    if (controller.signal.aborted) return status;
    if (!(error instanceof SetUpError)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate);
  }
}

/** @param {{ root: string, signal: AbortSignal, quiet: boolean, steps: readonly Step[] }} options */
async function setUp({ root, signal, quiet, steps }) {
  // Without the lock first: the usual case is that nothing is to do.
  if (!steps.some((step) => isDue(root, step))) {
    if (!quiet) console.log('Everything is set up.');
    return;
  }
  const waiting = new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  const locking = lock(root, () => console.error('Another set-up runs in this folder: waiting for its end.'));
  const release = await Promise.race([locking, waiting]);
  try {
    // The other one may have done it all: each step is looked at again when its turn comes.
    const due = steps.filter((step) => isDue(root, step));
    const problems = due.some((step) => step.needsToolchain) ? toolchainProblems() : [];
    if (problems.length > 0) throw new SetUpError(problems.join('\n'));
    for (const step of steps) if (isDue(root, step)) await run(root, step, signal);
  } finally {
    /** @type {() => void} */ (release)();
  }
}

/**
 * @param {string} root
 * @param {Step} step
 */
function stampFile(root, step) {
  return join(root, '.setup', `${step.name}.json`);
}

/**
 * @param {string} root
 * @param {Step} step
 */
function isDue(root, step) {
  if (!step.present(root)) return true;
  const kept = readStamp(stampFile(root, step));
  const now = takeStamp(root, step, kept);
  if (!sameContents(kept, now)) return true;
  // Touched but not changed: with the new times, the next look needs no contents.
  if (JSON.stringify(kept) !== JSON.stringify(now)) writeStamp(stampFile(root, step), now);
  return false;
}

/**
 * @param {string} root
 * @param {Step} step
 * @param {AbortSignal} signal
 */
async function run(root, step, signal) {
  const file = stampFile(root, step);
  // Taken before the tool starts: a source that is changed meanwhile makes the step due again.
  const stamp = takeStamp(root, step);
  // Removed before, so that a step that was cut short never looks finished.
  removeStamp(file);
  const shown = showStep(step.title, process.stderr);
  const { command, args, env = process.env } = step.tool(root);
  const { progress } = step;
  const asking = progress && setInterval(() => shown.detail(progress(root) ?? ''), PROGRESS_MS);
  try {
    await runTool(command, args, { cwd: root, env, signal, onLine: progress ? () => {} : shown.detail });
    step.after?.(root);
    writeStamp(file, stamp);
    shown.done();
  } catch (error) {
    if (signal.aborted) shown.stopped();
    else shown.failed();
    if (!(error instanceof ToolFailed)) throw error;
    process.stderr.write(error.output);
    throw new SetUpError(`The set-up stopped: ${step.title} ${error.message}; what it printed is above.`);
  } finally {
    clearInterval(asking);
  }
}
