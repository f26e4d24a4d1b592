/** Where and how the calling thread runs: nothing of a ring, and of use beside one. */

import { isArray } from './input.js';
import { native } from './native.js';
import { invalid, optionsOf } from './options.js';

/** How a thread runs. */
export interface ThreadPlacement {
  /** The CPUs that it may run on. */
  cpus: number[];
  /** Its real-time priority, 1 to 99; 0 for an ordinary thread. */
  realtime: number;
}

/** What is to be changed. What is left out stays as it is. */
export interface ThreadPlacementOptions {
  /** The CPUs that the thread may run on from now on, of those that this process may use. */
  cpus?: readonly number[] | undefined;
  /** 1 to 99: before all ordinary threads of the machine, round robin with its like. 0: an ordinary one again. */
  realtime?: number | undefined;
}

const MAX_PRIORITY = 99;
const MAX_CPU = 0xffffffff;

const isWhole = (value: unknown, most: number): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;

function cpusOf(value: unknown): number[] | undefined {
  if (value === undefined) return undefined;
  if (!isArray(value)) throw invalid('cpus', 'an array of CPU numbers', value);
  // A copy, so that what is checked is what is used.
  const cpus = Array.from(value);
  const wrong = cpus.findIndex((cpu) => !isWhole(cpu, MAX_CPU));
  if (wrong >= 0) throw invalid(`cpus[${wrong}]`, 'the number of a CPU', cpus[wrong]);
  return cpus as number[];
}

function priorityOf(value: unknown): number | undefined {
  if (value === undefined || isWhole(value, MAX_PRIORITY)) return value;
  throw invalid('realtime', `a whole number from 0 to ${MAX_PRIORITY}`, value);
}

/**
 * Changes where and how the thread that calls it runs, the main thread or a Worker's, and returns how it
 * ran before, which undoes it. It changes all that is asked for or, where it throws, nothing:
 * `INVALID_ARGUMENT` for a CPU that this process may not use, `PERMISSION` for a priority it may not have.
 */
export function placeThread(options?: ThreadPlacementOptions): ThreadPlacement {
  const { cpus, realtime } = optionsOf(options, 'placeThread()', ['cpus', 'realtime']);
  return native.placeThread(cpusOf(cpus), priorityOf(realtime));
}
