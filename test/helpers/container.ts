import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'vitest';
import type { Child } from './children.js';
import { directory } from './scratch.js';
import { skip } from './skip.js';

/** Namespaces of its own: users, mounts, processes, IPC, host name. What it starts dies with it. */
const UNSHARE = 'unshare --user --map-root-user --mount --pid --ipc --uts --fork --kill-child'.split(' ');

/**
 * The command that runs a program as a container would: in namespaces of its own, with a /dev/shm of
 * its own, and with the scratch folder as a volume under `path`, where its rings are.
 */
export function container(path: string, { proc = true } = {}): string[] {
  const script = [
    `mount --bind '${directory}' '${path}'`,
    'mount -t tmpfs tmpfs /dev/shm',
    ...(proc ? [] : ['mount -t tmpfs tmpfs /proc']),
    `export SHMRING_DIR='${path}'`,
    'exec "$@"',
  ];
  return [...UNSHARE, ...(proc ? ['--mount-proc'] : []), 'sh', '-c', script.join(' && '), 'sh'];
}

/** Becomes a user of that number, with the first group as its own and the others beside it. */
export function as(user: number, group: number, ...others: number[]): string[] {
  const beside = others.length > 0 ? `--groups=${others}` : '--clear-groups';
  return ['setpriv', `--reuid=${user}`, `--regid=${group}`, beside, '--'];
}

/** Skips the test where the machine lets nobody make a container without help. */
export function needContainers(context: TestContext): void {
  need(context, 'user-namespace', ['unshare', '--user', '--map-root-user', 'true']);
  need(context, 'pid-namespace', [...container('/mnt'), 'true']);
}

/** Skips the test where its processes cannot become somebody else. */
export function needOtherUsers(context: TestContext): void {
  need(context, 'other-user', [...as(100_000, 100_000), process.execPath, '--version']);
}

function need(context: TestContext, cause: string, [program, ...rest]: string[]): void {
  const { status, error, stderr } = spawnSync(program as string, rest, { encoding: 'utf8' });
  if (status !== 0) skip(context, cause, error?.message ?? stderr.trim());
}

/** The process in a container, by the number that it has out here. */
export function inhabitant({ pid }: Child): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ');
  if (children.length !== 1) throw new Error(`not one process in there: ${children}`);
  return Number(children[0]);
}
