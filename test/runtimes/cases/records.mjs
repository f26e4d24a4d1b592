// Every shape of record comes out of every way to read as it went into every way to write.
import assert from 'node:assert/strict';
import { createEnds, eachKind } from './parts/support.mjs';

const shared = (length) => new Uint8Array(new SharedArrayBuffer(length + 4), 3, length).fill(7);
const resizable = new ArrayBuffer(8, { maxByteLength: 64 });
resizable.resize(24);
let rope = '';
for (let i = 0; i < 300; i++) rope += `é${i}`;

/** What is written, and its bytes. */
const shapes = [
  ['', Buffer.alloc(0)],
  ['plain', Buffer.from('plain')],
  ['latin é ÿ', Buffer.from('latin é ÿ')],
  ['漢字 and 😀', Buffer.from('漢字 and 😀')],
  ['a\0b', Buffer.from([97, 0, 98])],
  ['lone \ud800 and \udc00', Buffer.from('lone \ufffd and \ufffd')],
  [rope, Buffer.from(rope)],
  ['漢\ud800'.repeat(40_000), Buffer.from('漢\ufffd'.repeat(40_000))],
  // Two bytes a character where it is kept, and one where it is read.
  [`漢${'x'.repeat(120)}`.slice(1), Buffer.alloc(120, 'x')],
  // Strings are read in one way or another up to 512 characters and beyond.
  ['😀'.repeat(256), Buffer.from('😀'.repeat(256))],
  [`${'😀'.repeat(256)}é`, Buffer.from(`${'😀'.repeat(256)}é`)],
  [Buffer.alloc(0), Buffer.alloc(0)],
  [Buffer.from('bytes'), Buffer.from('bytes')],
  [Buffer.alloc(70_000, 'abc'), Buffer.alloc(70_000, 'abc')],
  [new Uint8Array([1, 2, 3, 4]).subarray(1, 3), Buffer.from([2, 3])],
  [new Uint16Array([1, 0x203]), Buffer.from([1, 0, 3, 2])],
  [new Float64Array([1.5, -0]), Buffer.from(new Float64Array([1.5, -0]).buffer)],
  [new BigInt64Array([-1n]), Buffer.alloc(8, 0xff)],
  [new DataView(new Uint8Array([9, 8, 7, 6]).buffer, 1, 2), Buffer.from([8, 7])],
  [shared(9), Buffer.alloc(9, 7)],
  [new DataView(shared(9).buffer, 3, 2), Buffer.alloc(2, 7)],
  [new Uint8Array(resizable, 4), Buffer.alloc(20)],
];

async function comesOut({ ring, producer, consumer }) {
  function claim(input, bytes) {
    if (typeof input === 'string' && bytes.length > 1000) return producer.tryWrite(input);
    const offset = producer.tryClaim(bytes.length + 5);
    assert.ok(offset > 0 && offset % 8 === 0);
    bytes.copy(producer.memory, offset);
    producer.commit(bytes.length);
    return true;
  }

  const writes = {
    tryWrite: (input) => producer.tryWrite(input),
    writeSync: (input) => producer.writeSync(input, { timeoutMs: 1000 }),
    write: (input) => producer.write(input),
    batch: (input) => producer.tryWriteBatch([input]) === 1,
    claim,
  };

  function one(drain) {
    const seen = [];
    assert.equal(
      drain((memory, start, end) => {
        seen.push(Buffer.from(memory.subarray(start, end)));
      }),
      1,
    );
    return seen[0];
  }

  const iterator = consumer[Symbol.asyncIterator]();
  const reads = {
    tryRead: () => consumer.tryRead(),
    drain: () => one((handler) => consumer.drain(handler)),
    drainSync: () => one((handler) => consumer.drainSync(handler, { timeoutMs: 1000 })),
    peek() {
      const batch = consumer.peek();
      assert.equal(batch.count, 1);
      assert.equal(batch.positionAt(0), consumer.position);
      const record = Buffer.from(batch.memory.subarray(...batch.ranges));
      batch.release();
      return record;
    },
    async iterate() {
      return (await iterator.next()).value;
    },
    async batches() {
      for await (const batch of consumer.batches({ limit: 1 })) {
        const record = Buffer.from(batch.memory.subarray(...batch.ranges));
        batch.release();
        return record;
      }
    },
    async wait() {
      assert.equal(await consumer.wait({ timeoutMs: 1000 }), 'ready');
      assert.equal(consumer.waitSync({ timeoutMs: 1000 }), 'ready');
      return consumer.tryRead();
    },
  };

  for (const [write, put] of Object.entries(writes)) {
    for (const [read, take] of Object.entries(reads)) {
      for (const [index, [input, bytes]] of shapes.entries()) {
        const what = `shape ${index} by ${write} and ${read}`;
        assert.equal(await put(input, bytes), true, what);
        assert.deepEqual(await take(), bytes, what);
      }
    }
  }

  // Many at once: more than a call takes arguments, and of every shape.
  for (const count of [2, 100, 4096, 5000]) {
    const records = Array.from({ length: count }, (_, i) =>
      i % 3 === 0 ? String(i) : Buffer.from(String(i)),
    );
    assert.equal(producer.tryWriteBatch(records), count);
    let next = 0;
    consumer.drain((memory, start, end) => {
      assert.equal(memory.toString('latin1', start, end), String(next));
      next += 1;
    });
    assert.equal(next, count);
  }

  const gone = new Uint8Array(8);
  structuredClone(gone, { transfer: [gone.buffer] });
  const refused = { code: 'ERR_SHMRING_INVALID_ARGUMENT' };
  assert.throws(() => producer.tryWrite(gone), refused);
  assert.throws(() => producer.tryWriteBatch(['fine', gone]), refused);
  assert.throws(() => producer.tryWrite(new ArrayBuffer(8)), refused);
  for (const some of ['x', 'é', '漢', '😀', 'a😀']) {
    const text = some.repeat(Math.floor(ring.maxRecord / Buffer.byteLength(some)) + 1);
    const tooLarge = { code: 'ERR_SHMRING_TOO_LARGE', byteLength: Buffer.byteLength(text) };
    assert.throws(() => producer.tryWrite(text), tooLarge);
  }
  assert.equal(consumer.tryRead(), undefined);
}

for (const options of eachKind(1 << 20)) await comesOut(createEnds(options));
