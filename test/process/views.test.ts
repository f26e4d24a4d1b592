import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { start } from '../helpers/children.js';
import { scratchFile } from '../helpers/scratch.js';
import { within } from '../helpers/time.js';

/** On Node 20 `ArrayBuffer.prototype.transfer` hides behind a flag, which later versions refuse. */
const FLAGS = [
  '--expose-gc',
  ...('transfer' in ArrayBuffer.prototype ? [] : ['--harmony-rab-gsab-transfer']),
];

describe('the memory of a handle never dangles', () => {
  test.each([
    'memory has length 0 after close',
    'views of it are empty and refuse, as of any detached ArrayBuffer',
    'it is no place for Atomics.wait, open or closed',
    'closed memory as a record is INVALID_ARGUMENT',
    'it cannot be resized',
    'structuredClone copies it',
    'a transfer by message is refused or copies: the handle goes on',
    'what transfer() moved reads zeros after close, and writes to nobody',
    'what was moved to another length is a copy',
    'a consumer whose memory was moved is told so, and loses no record',
    'a producer whose memory was moved is told so when it claims, and can still write',
    'memory kept past the collection of its handle has length 0',
    'memory moved and kept past the collection of its handle reads zeros',
    'a batch keeps its records past close and collection until it ends',
    'memory that a handler kept is empty after it closed its consumer',
    'fs.write of an open batch under way while its consumer is closed writes the records',
    'fs.writev of an open batch under way while its ring is closed writes the records',
    'fs.write under way while its batch ends and its consumer closes goes on with zeros',
    'fs.read into a claim under way while its producer is closed writes to nobody',
    'a compression under way while the handle is closed',
    'digests and random bytes under way while the handle is closed',
    'fs.write under way while its Worker is terminated',
  ])('%s', async (what) => {
    const pipe = scratchFile('pipe');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    const child = start('views', { what, pipe }, FLAGS);
    const exit = await within(child.exited, `the end of: ${what}`);
    expect({ ...exit, complaints: child.complaints }).toEqual({ code: 0, signal: null, complaints: '' });
  });

  test.each([
    'memory moved in whatever way is told of, by every handle that needs it',
    'memory moved in whatever way reads zeros after close, and writes to nobody',
    'memory moved in whatever way and read by another thread outlives the Worker it came from',
    'memory moved to another thread outlives the Worker it came from',
    'the addresses of memory that nobody moved are given back when its Worker ends',
    'the addresses of memory that was moved are given back when nobody has it',
    'a read by a byte stream into a claim takes the memory away, and the record is right',
    'bytes of a stream or a file get into claims by way of a buffer, or by fs.read',
  ])('%s', async (what) => {
    const child = start('moved', { what }, FLAGS);
    const exit = await within(child.exited, `the end of: ${what}`, 50_000);
    expect({ ...exit, complaints: child.complaints }).toEqual({ code: 0, signal: null, complaints: '' });
  });
});
