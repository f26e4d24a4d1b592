// Whoever ends by process.exit or an exception lets go of attached rings, after its own 'exit' handlers.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { done, start } from './parts/support.mjs';

const HOWS = {
  'process.exit': 0,
  'process.exit in a handler': 0,
  'an uncaught exception': 1,
  'an unhandled rejection': 1,
  'a signal handler that exits': 0,
  'its natural end': 0,
};
for (const [how, code] of Object.entries(HOWS)) {
  const name = `exit-${process.pid}`;
  const child = start('exit', { name, how });
  assert.equal((await child.exited).code, code, how);
  // Not every runtime calls handlers of 'exit' after an exception.
  const words = await child.message('exit').catch(() => undefined);
  if (code === 0) assert.notEqual(words, undefined, how);
  if (words !== undefined) assert.deepEqual([words.written, words.listed], [true, true], how);
  const left = readdirSync(process.env.SHMRING_DIR ?? '/dev/shm').filter((file) => file.endsWith(name));
  assert.deepEqual(left, [], how);
}
await done();
