// The hot path of this runtime writes what the addon writes, byte for byte, and it is what writes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ring } from 'shmring';
import { HotPath } from '../../../dist/hot-path.js';

const folder = process.env.SHMRING_DIR ?? assert.fail('SHMRING_DIR is not set');
const ROUNDS = 40;
const PER_ROUND = 250;

let byItself = 0;
const { tryWrite } = HotPath.prototype;
HotPath.prototype.tryWrite = function (record) {
  const written = tryWrite.call(this, record);
  if (written) byItself += 1;
  return written;
};

function attach(name, hotPath) {
  const ring = Ring.create(name, { kind: 'spsc', capacity: 64 << 10 });
  if (!hotPath) process.env.SHMRING_HOT_PATH = 'off';
  const producer = ring.producer();
  delete process.env.SHMRING_HOT_PATH;
  return { name, ring, producer, consumer: ring.consumer() };
}

/** What the last records and all that is true of them look like: tail, head, the newest ledger entry, data. */
function stateOf({ name }) {
  const bytes = readFileSync(join(folder, `shmring.${name}`));
  const word = (at) => bytes.readBigUInt64LE(at);
  const tail = word(4096);
  const entry = [5888, 5920].find((at) => word(at) === tail) ?? assert.fail('no entry for the tail');
  return [tail, word(4224), word(entry + 8), bytes.subarray(8192).toString('latin1')];
}

const ends = [attach('hot', true), attach('plain', false)];
const record = Buffer.alloc(300);
for (let round = 0; round < ROUNDS; round++) {
  for (const { producer } of ends) {
    for (let i = 0; i < PER_ROUND; i++) {
      const length = (round * 31 + i * 7) % record.length;
      record.fill(round + i, 0, length);
      const written =
        i % 50 === 49 ? producer.tryWrite(`text ${i}`) : producer.tryWrite(record.subarray(0, length));
      assert.ok(written);
    }
  }
  const [hot, plain] = ends.map(({ consumer }) => {
    const seen = [];
    while (
      consumer.drain((memory, start, end, position) => {
        seen.push(`${position} ${memory.toString('latin1', start, end)}`);
      }) > 0
    );
    return seen;
  });
  assert.equal(hot.length, PER_ROUND);
  assert.deepEqual(hot, plain);
  assert.deepEqual(...ends.map(stateOf));
}
assert.deepEqual(...ends.map(({ ring }) => ring.stats()));
for (const { ring } of ends) {
  ring.unlink();
  ring.close();
}
// Elsewhere the addon does it all.
if (process.arch === 'x64') assert.ok(byItself > ROUNDS * PER_ROUND * 0.8, `${byItself} by itself`);
