// A process that ends by itself lets go of attached rings, however it ends: nothing is left until the next boot.
import { readdirSync } from 'node:fs';
import { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { start } from '../helpers/children.js';
import { directory, freshName } from '../helpers/scratch.js';
import { within } from '../helpers/time.js';

const ENDS = [
  ['process.exit', 0],
  ['process.exit in a handler', 0],
  ['an uncaught exception', 1],
  ['an unhandled rejection', 1],
  ['a signal handler that exits', 0],
  ['process.exit while a Worker is attached', 0],
  ['its natural end', 0],
] as const;

describe('an attached ring is not left behind by', () => {
  test.each(ENDS)('%s, and is there until then', async (how, code) => {
    const child = start('exit', { name: freshName(), how });
    const read = how === 'process.exit in a handler' ? undefined : 'x';
    expect(await child.message('exit')).toEqual({ event: 'exit', written: true, read, listed: true });
    expect(await within(child.exited, 'the end of a child')).toEqual({ code, signal: null });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('process.exit of one of two who are attached: the other has it', async () => {
    const name = freshName();
    const ring = Ring.create(name, { kind: 'spsc', capacity: 4096, lifetime: 'attached' });
    const child = start('exit', { name, how: 'process.exit' });
    await child.finished();
    expect(ring.stale).toBe(false);
    ring.close();
    expect(readdirSync(directory)).toEqual([]);
  });
});

test('an attached ring of any name, all of whose processes were killed, goes with the next temporary ring', async () => {
  const named = { kind: 'spsc', capacity: 4096, lifetime: 'attached' } as const;
  const killed = start('killed-attached', { name: 'killed' });
  await killed.message('attached');
  await killed.murder();
  const kept = Ring.create('kept', named);
  const persistent = Ring.create('persistent', { ...named, lifetime: 'persistent' });
  persistent.close();
  expect(Ring.list().map(({ name }) => name)).toEqual(['kept', 'killed', 'persistent']);
  Ring.temporary({ kind: 'spsc', capacity: 4096 }).close();
  expect(Ring.list().map(({ name }) => name)).toEqual(['kept', 'persistent']);
  kept.close();
  Ring.unlink('persistent');
});
