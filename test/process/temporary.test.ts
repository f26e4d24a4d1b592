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

test('what a process left that made many temporary rings is removed by the next few', () => {
  const program = `
    import { Ring } from 'shmring';
    const rings = Array.from({ length: 40 }, () => Ring.temporary({ kind: 'spsc', capacity: 4096 }));
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program]);
  expect(child.signal).toBe('SIGKILL');
  expect(Ring.list()).toHaveLength(40);
  // Each looks at some of them alone, and all come up in turn.
  const left = Array.from({ length: 4 }, () => {
    Ring.temporary({ kind: 'spsc', capacity: 4096 }).close();
    return Ring.list().length;
  });
  expect(left[0]).toBeGreaterThan(0);
  expect(left[3]).toBe(0);
});
