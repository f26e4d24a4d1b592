import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { Ring } from 'shmring';
import { describe, expect, type TestContext, test } from 'vitest';
import { start } from '../helpers/children.js';
import { closing } from '../helpers/rings.js';
import { directory as scratch, scratchFile } from '../helpers/scratch.js';
import { skip } from '../helpers/skip.js';

/** What counts is that these are not root's. */
const USER = 65_534;
const GROUP = 64_242;
const NAME = 'theirs';
const SPSC = { kind: 'spsc', capacity: 4096 } as const;
const GROUPED = { share: 'group' } as const;

// Others may pass through it.
chmodSync(scratch, 0o711);

type Call = [name: string, options?: object];

/** Lets another user make these calls in a folder; the code or the result of each. */
async function by(
  context: TestContext,
  directory: string,
  group: number,
  ...calls: Call[]
): Promise<unknown[]> {
  if (process.geteuid?.() !== 0) skip(context, 'other-user', 'only root can become somebody else');
  const before = process.env.SHMRING_DIR;
  process.env.SHMRING_DIR = directory;
  const child = start('other-user', { name: NAME, user: USER, group, calls });
  process.env.SHMRING_DIR = before;
  const { refused, answers } = await child.message('did');
  if (refused !== undefined) skip(context, 'other-user', refused);
  await child.finished();
  return answers;
}

/** A folder that all may write to, as /dev/shm is. */
function folder(mode = 0o1777): string {
  const directory = scratchFile('folder');
  mkdirSync(directory);
  chmodSync(directory, mode);
  return directory;
}

describe('a ring of another user', () => {
  test('is PERMISSION in every way, and its owner notices nothing', async (context) => {
    const directory = folder();
    const ring = closing(Ring.create(NAME, { ...SPSC, directory }));
    const producer = ring.producer();
    const answers = await by(
      context,
      directory,
      USER,
      ['open'],
      ['open', GROUPED],
      ['inspect'],
      ['openOrCreate'],
      ['create'],
      ['list'],
      ['unlink'],
    );
    expect(answers).toEqual([
      ...['PERMISSION', 'PERMISSION', 'PERMISSION', 'PERMISSION', 'EXISTS'],
      expect.stringMatching(/^ERR_SHMRING_PERMISSION: .*belongs to user 0, not to user 65534.*share 'group'/),
      'PERMISSION',
    ]);
    expect(ring.stale).toBe(false);
    expect(producer.tryWrite('x')).toBe(true);
  });

  test('is shared with a member of its group who asks for that, and with nobody else', async (context) => {
    const directory = folder();
    const ring = closing(Ring.create(NAME, { ...SPSC, ...GROUPED, directory }));
    if (process.geteuid?.() === 0) chownSync(`${directory}/shmring.${NAME}`, 0, GROUP);
    const producer = ring.producer();
    producer.tryWrite('for the group');
    const calls: Call[] = [['open'], ['write'], ['read', GROUPED], ['openOrCreate', GROUPED], ['unlink']];
    const member = await by(context, directory, GROUP, ...calls);
    expect(member).toEqual(['PERMISSION', 'PERMISSION', 'for the group', 'done', 'PERMISSION']);
    const stranger = await by(context, directory, USER, ...calls);
    expect(stranger).toEqual(Array(5).fill('PERMISSION'));
    expect(producer.tryWrite('x')).toBe(true);
  });
});

test('a folder that this user may not write or enter is PERMISSION, and stays as it is', async (context) => {
  const calls: Call[] = [['open'], ['create'], ['openOrCreate'], ['temporary'], ['unlink']];
  const readable = folder(0o755);
  expect(await by(context, readable, USER, ...calls)).toEqual([
    ...['NOT_FOUND', 'PERMISSION', 'PERMISSION', 'PERMISSION'],
    false,
  ]);
  const shut = folder(0o700);
  expect(await by(context, shut, USER, ...calls)).toEqual(Array(5).fill('PERMISSION'));
});

test('a process that has given up being root makes and uses rings of its own', async (context) => {
  const answers = await by(context, folder(), USER, ['create'], ['write'], ['read'], ['list'], ['unlink']);
  expect(answers).toEqual(['done', true, 'record', 'listed', true]);
});
