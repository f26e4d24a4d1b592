// One line about where the figures come from.
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { probeCores } from '../dist/internal.js';
import { ask } from '../scripts/setup/toolchain.mjs';

/** From here on a cache line's way counts as far; the package's figures are judged when it is near. */
const FAR_NS = 200;

/**
 * The machine, the versions, and how long a cache line takes between two cores and back: of two
 * processes on two cores this decides more than anything else.
 */
export function machineLine() {
  const about = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const rust = ask('rustc', ['--version'])?.split(' ')[1];
  return [
    `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    `shmring ${about.version}`,
    `rustc ${rust ?? 'not here'}`,
    probeText(probeCores()),
  ].join(' · ');
}

/** @param {ReturnType<typeof probeCores>} probe */
function probeText(probe) {
  if (probe === undefined) return 'cache line between cores not measured (one core, or too busy)';
  const { cpus: pair, nanoseconds } = probe;
  const distance = nanoseconds < FAR_NS ? 'near' : 'far';
  return `cache line between cores ${pair.join(' and ')} and back: ${Math.round(nanoseconds)} ns (${distance})`;
}
