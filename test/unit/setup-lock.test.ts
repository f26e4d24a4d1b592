import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lock } from '../../scripts/setup/lock.mjs';

let tree = '';

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'shmring-lock-'));
});

afterEach(() => rmSync(tree, { recursive: true, force: true }));

test('a second set-up of one tree waits for the end of the first', async () => {
  const order: string[] = [];
  const release = await lock(tree);
  const second = lock(tree, () => order.push('waits')).then((releaseSecond) => {
    order.push('has it');
    releaseSecond();
  });
  while (order.length === 0) await new Promise((done) => setTimeout(done, 5));
  await new Promise((done) => setTimeout(done, 50));
  expect(order).toEqual(['waits']);
  release();
  await second;
  expect(order).toEqual(['waits', 'has it']);
});

test('of many that wait each gets it, one at a time', async () => {
  let inside = 0;
  let most = 0;
  const one = async () => {
    const release = await lock(tree);
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((done) => setTimeout(done, 10));
    inside -= 1;
    release();
  };
  await Promise.all(Array.from({ length: 8 }, one));
  expect(most).toBe(1);
});

test('two trees do not wait for each other', async () => {
  const other = mkdtempSync(join(tmpdir(), 'shmring-lock-'));
  const releases = [await lock(tree), await lock(other)];
  for (const release of releases) release();
  rmSync(other, { recursive: true });
});

test('the lock of a set-up that was killed is free', async () => {
  const source = `
    import { lock } from ${JSON.stringify(resolve('scripts/setup/lock.mjs'))};
    await lock(${JSON.stringify(tree)});
    console.log('locked');
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', source]);
  await once(holder.stdout, 'data');
  let waited = false;
  const next = lock(tree, () => {
    waited = true;
    holder.kill('SIGKILL');
  });
  (await next)();
  expect(waited).toBe(true);
});
