// Whether other programs wanted the CPUs meanwhile: the two sides of a run fill two of them.
import { readFileSync } from 'node:fs';

/** More of a run's time than this, with somebody waiting for a CPU, and it says nothing; a quiet run has up to 0.15. */
const DISTURBED = 0.25;

// Microseconds since boot in which a task waited for a CPU; `undefined` where the kernel does not say.
function waitedMicros() {
  try {
    return Number(/^some .*total=(\d+)/m.exec(readFileSync('/proc/pressure/cpu', 'utf8'))[1]);
  } catch {
    return undefined;
  }
}

/** Does `work`; its result, and whether it was disturbed. */
export async function watched(work) {
  const [before, start] = [waitedMicros(), performance.now()];
  const result = await work();
  const share = (waitedMicros() - before) / ((performance.now() - start) * 1000);
  // Not a number where the kernel does not say: then nothing counts as disturbed.
  return { result, share, disturbed: share > DISTURBED };
}
