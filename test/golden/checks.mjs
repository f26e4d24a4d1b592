// What holds under every runtime: it writes the golden segments byte for byte, and reads what is in them.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ring } from 'shmring';
import { HotPath } from '../../dist/hot-path.js';
import { World } from './history.mjs';
import { differenceOf, parse, textOf } from './segment.mjs';

/** @typedef {'spsc' | 'mpsc'} Kind */

/** Where JavaScript writes records by itself: docs/memory-model.md. */
const HAS_HOT_PATH = process.arch === 'x64';

/** What writes the small records of a ring's producers, in turn: JavaScript by itself, or the addon. */
export const WRITERS = ['JavaScript', 'the addon', 'JavaScript, the addon', 'the addon, JavaScript'];

let names = 0;
const freshName = () => `golden-${process.pid}-${names++}`;

/** @param {string} name */
const fileOf = (name) => join(process.env.SHMRING_DIR ?? '/dev/shm', `shmring.${name}`);

/**
 * @param {string} writers one of WRITERS
 * @returns {(index: number) => void} to be called before the producer of this index is made
 */
const choosing = (writers) => (index) => {
  const turns = writers.split(', ');
  process.env.SHMRING_HOT_PATH = turns[index % turns.length] === 'JavaScript' ? 'on' : 'off';
};

/**
 * How many records JavaScript wrote by itself meanwhile.
 *
 * @param {() => void} write
 * @returns {number}
 */
function writtenByJavaScript(write) {
  const { tryWrite } = HotPath.prototype;
  const before = process.env.SHMRING_HOT_PATH;
  let count = 0;
  HotPath.prototype.tryWrite = function (record) {
    const done = tryWrite.call(this, record);
    if (done) count += 1;
    return done;
  };
  try {
    write();
  } finally {
    HotPath.prototype.tryWrite = tryWrite;
    if (before === undefined) delete process.env.SHMRING_HOT_PATH;
    else process.env.SHMRING_HOT_PATH = before;
  }
  return count;
}

/**
 * The history of a kind leaves its golden segment.
 *
 * @param {Kind} kind
 * @param {string} writers
 */
export function isWritten(kind, writers) {
  const ring = Ring.create(freshName(), { kind, capacity: 1 });
  try {
    const world = new World(ring, [], choosing(writers));
    const count = writtenByJavaScript(() => world.run(textOf(`${kind}.history`)));
    if (kind === 'spsc' && HAS_HOT_PATH && writers.includes('JavaScript'))
      assert.ok(count > 10, `only ${count}`);
    else assert.equal(count, 0);
    const found = readFileSync(fileOf(ring.name));
    assert.equal(differenceOf(parse(textOf(`${kind}.written`)), found), undefined);
  } finally {
    ring.unlink();
    ring.close();
  }
}

/**
 * The golden segment of a kind says what is in it, is read to its end, and used again.
 *
 * @param {Kind} kind
 * @param {string} writers
 */
export function isRead(kind, writers) {
  const golden = parse(textOf(`${kind}.used`));
  const name = freshName();
  writeFileSync(fileOf(name), golden.bytes, { mode: 0o600 });
  chmodSync(fileOf(name), 0o600);
  const ring = Ring.open(name);
  try {
    assert.equal(ring.id, '000102030405060708090a0b0c0d0e0f');
    assert.equal(ring.kind, kind);
    const held = [...ring.inspect()].map(({ bytes, position, ...rest }) => {
      const seen = { ...rest, position: position * 8 };
      return bytes === undefined ? seen : { ...seen, letters: String(bytes) };
    });
    assert.deepEqual(held, golden.holds);
    assert.deepEqual(ring.stats(), { ...golden.stats, producers: 0, consumers: 0 });
    assert.deepEqual(ring.owners(), []);
    assert.deepEqual(ring.recover(), { slotsFreed: 0, recordsAbandoned: 0, bytesAbandoned: 0 });
    assert.deepEqual(readFileSync(fileOf(name)), golden.bytes, 'to look changes nothing');

    const records = golden.holds.flatMap(({ letters }) =>
      letters === undefined ? [] : [Buffer.from(letters)],
    );
    const world = new World(ring, records, choosing(writers));
    writtenByJavaScript(() => world.run(textOf('again.history')));
    const { written, read, recordsWaiting, abandoned } = ring.stats();
    const holes = golden.holds.filter(({ state }) => state === 'abandoned').length;
    assert.deepEqual([read, recordsWaiting, abandoned], [written, 0, holes]);
    assert.equal(differenceOf(parse(textOf(`${kind}.again`)), readFileSync(fileOf(name))), undefined);
  } finally {
    ring.unlink();
    ring.close();
  }
}
