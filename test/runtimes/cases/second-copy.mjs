// Two copies of the package in one thread whose addons are links to one file, as some installers make
// them: the addon is then loaded twice, and the rings and handles of either go on.
import assert from 'node:assert/strict';
import { cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as first from 'shmring';
import { done } from './parts/support.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// On the same file system, as a link must be, and where nobody looks.
const copy = mkdtempSync(join(root, 'node_modules', '.second-copy-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
mkdirSync(join(copy, 'native'));
for (const file of readdirSync(join(root, 'native'))) {
  if (file.endsWith('.node')) linkSync(join(root, 'native', file), join(copy, 'native', file));
}
cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true });
cpSync(join(root, 'package.json'), join(copy, 'package.json'));

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
const second = await import(pathToFileURL(join(copy, 'dist', 'index.js')));
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
