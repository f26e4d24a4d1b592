// What the package costs a process in memory: the median of fresh processes.
import { fileURLToPath } from 'node:url';
import { forgetRing, ringName, runJson } from './children.mjs';

const child = fileURLToPath(new URL('../memory-child.mjs', import.meta.url));

/** Kilobytes of PSS in each process: before, after, of the segment, and the package's own. */
export async function measureMemory(processes, capacity) {
  const samples = [];
  for (let i = 0; i < processes; i++) {
    const name = ringName();
    const job = { name, ring: { kind: 'spsc', capacity, lifetime: 'attached' } };
    samples.push(await runJson(process.execPath, ['--expose-gc', child, JSON.stringify(job)]));
    forgetRing(name);
  }
  return samples;
}
