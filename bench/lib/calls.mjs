// What it costs to look at a ring that many hold.
import { forgetRing, ringName } from './children.mjs';
import { runNode, startNode } from './node.mjs';

/** Microseconds of each call of `owners()` and `stats()` with `owners` living owners in `processes`. */
export async function measureCalls({ owners, processes, calls }, capacity) {
  const { Ring } = await import('../../dist/index.js');
  const name = ringName();
  const ring = Ring.create(name, { kind: 'mpsc', capacity });
  const holders = [];
  try {
    for (let i = 0; i < processes; i++) {
      const roles = Math.floor((owners + i) / processes);
      holders.push(startNode('holder.mjs', { name, roles, consumer: i === 0 }));
    }
    for (const holder of holders) await holder.line();
    const looked = await runNode('looker.mjs', { name, calls });
    if (looked.alive !== owners) throw new Error(`${looked.alive} owners instead of ${owners}`);
    return looked;
  } finally {
    for (const holder of holders) holder.end();
    ring.close();
    forgetRing(name);
  }
}
