// A thread that moves to one CPU and back, and a ring with all its pages at once, huge ones if possible.
import assert from 'node:assert/strict';
import { placeThread, Ring } from 'shmring';

const before = placeThread();
const cpus = before.cpus.slice(0, 1);
assert.deepEqual(placeThread({ cpus }), before);
assert.deepEqual(placeThread(before), { ...before, cpus });
assert.deepEqual(placeThread(), before);
assert.throws(() => placeThread({ cpus: [] }), { code: 'ERR_SHMRING_INVALID_ARGUMENT' });

const ring = Ring.temporary({ kind: 'spsc', capacity: 4 << 20, prefault: true, hugePages: true });
const [producer, consumer] = [ring.producer(), ring.consumer()];
assert.equal(typeof ring.hugePageBytes, 'number');
assert.equal(producer.tryWrite('placed'), true);
assert.equal(consumer.tryRead().toString(), 'placed');
ring.close();
