// The memory of a handle never dangles, whatever is done to it: see test/process/views.test.ts.
import assert from 'node:assert/strict';
import { done, start } from './parts/support.mjs';

const THINGS = [
  'memory has length 0 after close',
  'views of it are empty and refuse, as of any detached ArrayBuffer',
  'a transfer by message is refused or copies: the handle goes on',
  'what transfer() moved reads zeros after close, and writes to nobody',
  'a consumer whose memory was moved is told so, and loses no record',
  'memory kept past the collection of its handle has length 0',
  'a batch keeps its records past close and collection until it ends',
  'a compression under way while the handle is closed',
  'digests and random bytes under way while the handle is closed',
  'memory moved to another thread outlives the Worker it came from',
];
const possible = (what) => {
  // Node 20 has it behind a flag, under which the process tests try it.
  if (/moved/.test(what)) return 'transfer' in ArrayBuffer.prototype;
  // Elsewhere such a message moves the memory, as `transfer()` does, and random bytes for memory that
  // is closed by then are an uncaught error.
  if (/by message|random bytes/.test(what)) return !('Deno' in globalThis || 'Bun' in globalThis);
  return true;
};

for (const what of THINGS.filter(possible)) {
  const child = start('views', { what });
  const { code, signal } = await child.exited;
  assert.deepEqual({ what, code, signal, said: child.complaints }, { what, code: 0, signal: null, said: '' });
}
await done();
