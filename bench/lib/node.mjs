// The JavaScript programs of this folder, each in a process of its own; their job is a JSON argument.
import { fileURLToPath } from 'node:url';
import { runJson, startProgram } from './children.mjs';

const args = (name, job) => [fileURLToPath(new URL(`../${name}`, import.meta.url)), JSON.stringify(job)];

// Whatever priority this run itself was given.
const ORDINARY = ['chrt', '--other', '0'];

/** Runs one that prints JSON, on one CPU or as an ordinary process when asked for. */
export function runNode(name, job, { cpu, signal, ordinary = false } = {}) {
  const command = [process.execPath, ...args(name, job)];
  if (ordinary) command.unshift(...ORDINARY);
  if (cpu !== undefined) command.unshift('taskset', '--cpu-list', String(cpu));
  return runJson(command[0], command.slice(1), { signal });
}

/** Starts one that talks in lines, as an ordinary process when asked for. */
export function startNode(name, job, { ordinary = false } = {}) {
  // Claims are left open on purpose here, of which the package warns.
  const command = [process.execPath, '--no-warnings', ...args(name, job)];
  if (ordinary) command.unshift(...ORDINARY);
  return startProgram(command[0], command.slice(1));
}
