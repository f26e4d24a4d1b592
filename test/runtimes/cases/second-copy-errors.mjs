// `instanceof RingError` with several copies of the package in one thread: it holds for every copy's class,
// whichever copy made the error, in TypeScript or in an addon that copies share; and for nothing else.
import assert from 'node:assert/strict';
import { copyFileSync, linkSync } from 'node:fs';
import * as first from 'shmring';
import { secondCopy } from './parts/second-copy.mjs';
import { done, eachKind } from './parts/support.mjs';

// The second one shares the first one's addon, the third has one of its own.
const copies = [first, await secondCopy(linkSync), await secondCopy(copyFileSync)];
const classes = copies.map(({ RingError }) => RingError);
assert.equal(new Set(classes).size, 3);

/** Fails unless an error is every copy's, with this code. */
function isEverybodys(error, code) {
  assert.deepEqual([error.name, error.code, error instanceof Error], ['RingError', code, true]);
  classes.forEach((RingError, i) => {
    assert.ok(error instanceof RingError, `${code} of the class of copy ${i}`);
  });
}

/** What an action throws, or is rejected with. */
async function failure(action) {
  try {
    await action();
  } catch (error) {
    return error;
  }
  assert.fail('nothing was thrown');
}

/** Fails unless each way in which a copy's rings refuse something ends in such an error. */
async function refusesFor({ Ring }, options) {
  const ring = Ring.temporary(options);
  const consumer = ring.consumer();
  const producer = ring.producer();
  // By the addon.
  isEverybodys(await failure(() => ring.consumer()), 'ERR_SHMRING_BUSY');
  isEverybodys(await failure(() => Ring.open('no-such-ring')), 'ERR_SHMRING_NOT_FOUND');
  isEverybodys(await failure(() => producer.commit()), 'ERR_SHMRING_INVALID_ARGUMENT');
  // By TypeScript, at once and by a promise.
  isEverybodys(await failure(() => Ring.create(7)), 'ERR_SHMRING_INVALID_ARGUMENT');
  while (producer.tryWrite('x'.repeat(100)));
  const waiting = failure(() => producer.write('y'.repeat(100)));
  producer.close();
  isEverybodys(await waiting, 'ERR_SHMRING_CLOSED');
  isEverybodys(await failure(() => producer.tryWrite('z')), 'ERR_SHMRING_CLOSED');
  consumer.close();
  ring.close();
}

for (const { RingError, ...copy } of copies) {
  for (const options of eachKind(4096)) await refusesFor(copy, options);

  class Special extends RingError {}
  const special = new Special('BUSY', 'mine');
  isEverybodys(special, 'ERR_SHMRING_BUSY');
  assert.ok(special instanceof Special);
  for (const RingError of classes) {
    assert.ok(!(new RingError('BUSY', 'not special') instanceof Special));
    assert.ok(!(special instanceof class extends RingError {}));
  }

  const faked = Object.assign(new Error('x'), { name: 'RingError', code: 'ERR_SHMRING_BUSY' });
  for (const other of [faked, { ...special }, new Error('x'), {}, null, undefined, 'x', Symbol('x')]) {
    assert.ok(!(other instanceof RingError), String(other));
    assert.ok(!(other instanceof Special), String(other));
  }
}

await done();
