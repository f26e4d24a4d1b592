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
];
const MOVED = [
  'memory moved in whatever way is told of, by every handle that needs it',
  'memory moved in whatever way reads zeros after close, and writes to nobody',
  'memory moved in whatever way and read by another thread outlives the Worker it came from',
  'memory moved to another thread outlives the Worker it came from',
  'the addresses of memory that nobody moved are given back when its Worker ends',
  'the addresses of memory that was moved are given back when nobody has it',
  'a read by a byte stream into a claim takes the memory away, and the record is right',
  'bytes of a stream or a file get into claims by way of a buffer, or by fs.read',
];
const possible = (what) => {
  // Node 20 has it behind a flag, under which the process tests try it.
  if (/was moved|transfer\(\)|to another thread/.test(what)) return 'transfer' in ArrayBuffer.prototype;
  // Deno never tells, and Bun not always, that an ArrayBuffer has gone with its Worker.
  if (/nobody moved/.test(what)) return !('Deno' in globalThis || 'Bun' in globalThis);
  // The thread of a Worker that was terminated goes on in Deno, so that there is no end to read through.
  if (/read by another thread/.test(what)) return !('Deno' in globalThis);
  // Elsewhere such a message moves the memory, as `transfer()` does, and random bytes for memory that
  // is closed by then are an uncaught error.
  if (/by message|random bytes/.test(what)) return !('Deno' in globalThis || 'Bun' in globalThis);
  return true;
};

const all = [...THINGS.map((what) => ['views', what]), ...MOVED.map((what) => ['moved', what])];
for (const [fixture, what] of all.filter(([, what]) => possible(what))) {
  const child = start(fixture, { what });
  const { code, signal } = await child.exited;
  assert.deepEqual({ what, code, signal, said: child.complaints }, { what, code: 0, signal: null, said: '' });
}
await done();
