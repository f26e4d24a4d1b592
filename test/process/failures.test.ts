// A call that fails leaves nothing behind: whatever there was of it before, in a process that has
// failed ten thousand times in each way, there is as much of it afterwards.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Child, start } from '../helpers/children.js';
import { directory } from '../helpers/scratch.js';
import { skip } from '../helpers/skip.js';

const TIMES = 10_000;
/** To see what is left, and not what the collector keeps for later. */
const NODE = ['--expose-gc', '--max-semi-space-size=1'];

function place(name: string): string {
  const path = join(directory, name);
  mkdirSync(path);
  return path;
}

/** Hears the child out: each kind must fail as it is expected to, and leave what there was. */
async function expectNothingLeft(child: Child): Promise<void> {
  const { kinds } = await child.message('kinds');
  let spent = 0;
  for (let i = 0; i < kinds; i += 1) {
    const { kind, expected, found, before, after, ms } = await child.message('kind', 60_000);
    expect(found, kind).toEqual(expected);
    expect(after, kind).toEqual(before);
    spent += ms;
  }
  const { failures, grown } = await child.message('done');
  console.info(`${failures} failures of ${kinds} kinds in ${spent} ms; the process grew by ${grown} bytes`);
  // Far less than the smallest thing that each failure could leave.
  expect(grown).toBeLessThan(Math.max(32 * failures, 32 << 20));
  await child.finished();
}

test('ten thousand failures of each kind leave nothing behind', { timeout: 300_000 }, async () => {
  const options = { group: 'everywhere', times: TIMES, directory: place('everywhere') };
  await expectNothingLeft(start('failures', options, NODE));
});

test('nor do those on a file system that is full or read-only', async (context) => {
  const apart = ['unshare', '--mount', '--propagation', 'private'];
  const probe = spawnSync(apart[0] as string, [...apart.slice(1), 'mount', '-t', 'tmpfs', 'none', directory]);
  if (probe.status !== 0) skip(context, 'mount-tmpfs', String(probe.stderr ?? probe.error));
  const options = { group: 'mounted', times: TIMES, directory: place('mounted') };
  const child = start('failures', options, NODE, apart);
  const { code, message, needed, free, files } = await child.message('container');
  expect({ code, free, files }).toEqual({ code: 'ERR_SHMRING_NO_SPACE', free: 64 << 20, files: [] });
  expect(needed).toBeGreaterThan(64 << 20);
  expect(message).toContain('--shm-size');
  await expectNothingLeft(child);
});

test('nor do those of a user to whom the ring does not belong', async (context) => {
  if (process.getuid?.() !== 0) skip(context, 'other-user', 'only root can become another user');
  chmodSync(directory, 0o755);
  const options = { group: 'stranger', times: TIMES, directory: place('stranger') };
  await expectNothingLeft(start('failures', options, NODE));
});

test('nor those for want of a descriptor, at whichever of its uses', { timeout: 120_000 }, async () => {
  const few = ['sh', '-c', 'ulimit -n 64 && exec "$@"', 'sh'];
  const child = start('starved', { times: TIMES, directory: place('starved') }, [], few);
  const { calls } = await child.message('calls');
  for (let i = 0; i < calls; i += 1) {
    const { name, failures, before, after } = await child.message('call', 60_000);
    expect(new Set(failures), name).toEqual(new Set([`ERR_SHMRING_SYSTEM ${constants.errno.EMFILE} true`]));
    expect(after, name).toEqual(before);
    console.info(`${name}: ${failures.length} uses of a descriptor`);
  }
  await child.finished();
});
