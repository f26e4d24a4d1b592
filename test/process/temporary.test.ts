import { spawnSync } from 'node:child_process';
import { Ring } from 'shmring';
import { expect, test } from 'vitest';
import '../helpers/scratch.js';

test('what a killed owner of a temporary ring left is removed by the next temporary ring', () => {
  const program = `
    import { Ring } from 'shmring';
    Ring.temporary({ kind: 'spsc' }).producer();
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program]);
  expect(child.signal).toBe('SIGKILL');
  const left = Ring.list().map((ring) => ring.name);
  expect(left).toHaveLength(1);

  const kept = Ring.temporary({ kind: 'spsc' });
  expect(Ring.list().map((ring) => ring.name)).toEqual([kept.name]);
  // One that lives is left alone.
  Ring.temporary({ kind: 'spsc' }).close();
  expect(Ring.list().map((ring) => ring.name)).toEqual([kept.name]);
  kept.close();
});
