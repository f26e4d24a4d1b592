// The JavaScript programs of this folder, each in a process of its own; their job is a JSON argument.
import { fileURLToPath } from 'node:url';
import { runJson, startProgram } from './children.mjs';

const args = (name, job) => [fileURLToPath(new URL(`../${name}`, import.meta.url)), JSON.stringify(job)];

/** Runs one that prints JSON, on one CPU when asked for. */
export function runNode(name, job, { cpu, signal } = {}) {
  const command = [process.execPath, ...args(name, job)];
  if (cpu !== undefined) command.unshift('taskset', '--cpu-list', String(cpu));
  return runJson(command[0], command.slice(1), { signal });
}

/** Starts one that talks in lines. */
export function startNode(name, job) {
  // Claims are left open on purpose here, of which the package warns.
  return startProgram(process.execPath, ['--no-warnings', ...args(name, job)]);
}
