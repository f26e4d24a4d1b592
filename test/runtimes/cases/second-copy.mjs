// Two copies of the package in one thread whose addons are links to one file, as some installers make
// them: the addon is then loaded twice, and the rings and handles of either go on.
import assert from 'node:assert/strict';
import { linkSync } from 'node:fs';
import * as first from 'shmring';
import { secondCopy } from './parts/second-copy.mjs';
import { done } from './parts/support.mjs';

const make = ({ Ring }) => Ring.temporary({ kind: 'spsc', capacity: 4096 });

/** Fails unless a ring and what is attached to it do their work. */
function works(ring, producer, consumer) {
  assert.equal(producer.tryWrite('a record'), true);
  assert.equal([...ring.inspect()].length, 1);
  assert.equal(String(consumer.tryRead()), 'a record');
  assert.throws(() => ring.producer(), { name: 'RingError', code: 'ERR_SHMRING_BUSY' });
  assert.throws(() => producer.commit(), { name: 'RingError', code: 'ERR_SHMRING_INVALID_ARGUMENT' });
}

const before = make(first);
const ends = [before.producer(), before.consumer()];
const second = await secondCopy(linkSync);
assert.notEqual(second.Ring, first.Ring);
works(before, ...ends);

const after = make(second);
works(after, after.producer(), after.consumer());
const again = make(first);
works(again, again.producer(), again.consumer());
works(before, ...ends);

// What is closed is the own ring, not that of the same number in the other copy.
before.close();
assert.deepEqual([after.stats().read, again.stats().read], [1, 1]);
after.close();
assert.equal(again.stats().read, 1);

await done();
