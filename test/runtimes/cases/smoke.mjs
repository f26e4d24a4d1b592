// A ring is made, found, used, refused and removed, and every refusal has a code.
import assert from 'node:assert/strict';
import { Ring, RingError, supported } from 'shmring';

const name = `smoke-${process.pid}`;
const code = (rest) => ({ name: 'RingError', code: `ERR_SHMRING_${rest}` });

assert.equal(supported, true);
const ring = Ring.create(name, { kind: 'spsc', capacity: 5000 });
assert.equal(ring.capacity, 8192);
assert.equal(ring.kind, 'spsc');
assert.equal(ring.maxRecord, 8192 - 8);
assert.match(ring.id, /^[0-9a-f]{32}$/);
assert.equal(Ring.list().find((info) => info.name === name)?.id, ring.id);

const again = Ring.openOrCreate(name, { kind: 'spsc' });
assert.equal(again.id, ring.id);
assert.throws(() => Ring.create(name, { kind: 'spsc' }), code('EXISTS'));
assert.throws(() => Ring.open(`${name}-not`), code('NOT_FOUND'));
assert.throws(() => Ring.create('a/b', { kind: 'spsc' }), code('INVALID_ARGUMENT'));
assert.throws(() => Ring.openOrCreate(name, { kind: 'mpsc' }), { ...code('MISMATCH'), option: 'kind' });
assert.throws(() => Ring.openOrCreate(name, { capacity: 4096 }), {
  ...code('MISMATCH'),
  option: 'capacity',
  expected: 4096,
  found: 8192,
});

const producer = ring.producer({ label: 'writes' });
const consumer = again.consumer();
assert.throws(() => again.producer(), code('BUSY'));
assert.throws(() => ring.consumer(), code('BUSY'));
assert.throws(() => producer.tryWrite(5), code('INVALID_ARGUMENT'));
assert.throws(() => producer.tryWrite(Buffer.alloc(ring.maxRecord + 1)), code('TOO_LARGE'));
assert.throws(() => producer.commit(), RingError);
assert.equal(producer.tryWrite('hello'), true);
assert.equal(String(consumer.tryRead()), 'hello');
assert.equal(consumer.tryRead(), undefined);

ring.seal();
assert.throws(() => producer.tryWrite('late'), code('SEALED'));
ring.close();
assert.equal(producer.closed, true);
assert.throws(() => ring.stats(), code('CLOSED'));
assert.equal(Ring.unlink(name), true);
assert.equal(Ring.unlink(name), false);
assert.equal(again.stale, true);
again.close();

const temporary = Ring.temporary({ kind: 'spsc' });
assert.ok(Ring.list().some((info) => info.name === temporary.name));
temporary.close();
assert.ok(!Ring.list().some((info) => info.name === temporary.name));
