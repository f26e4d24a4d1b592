// What a figure is worthless without.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

function rustVersion() {
  return execFileSync('rustc', ['--version'], { encoding: 'utf8' }).split(' ')[1];
}

// The kernel's list, as in "0-3,8": the first two are the probe's as well.
export function allowedCpus() {
  const list = /^Cpus_allowed_list:\s+(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1];
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

export function machine() {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? os.arch(),
    cpus: allowedCpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    rust: rustVersion(),
  };
}

export const machineLine = ({ cpu, cpus, memoryGiB, kernel, node, rust }) =>
  `${cpus} × ${cpu}, ${memoryGiB} GiB; ${kernel}; Node ${node}; rustc ${rust}`;
