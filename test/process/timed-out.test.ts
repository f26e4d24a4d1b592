// A thread that runs out of time (`node:vm`) or stack is stopped for good wherever the engine looks: at the entry of
// a function, at the end of a loop, in a call of a builtin.
import { expect, test } from 'vitest';
import { start } from '../helpers/children.js';
import { createRing } from '../helpers/rings.js';
import { fileOf } from '../helpers/scratch.js';

const ROUNDS = 300;

test('a sealed ring ends though its producer ran out of time within a write, and nothing is lost', async () => {
  const { name } = createRing({ capacity: 64 << 10 });
  // Compiled into one function there are few such places.
  const child = start('timed-out', { name, file: fileOf(name), rounds: ROUNDS }, ['--no-opt']);
  expect(await child.message('done')).toEqual({
    event: 'done',
    timedOut: ROUNDS,
    marks: 0,
    flaws: [],
    exact: true,
    end: 'ended',
  });
  await child.finished();
});
