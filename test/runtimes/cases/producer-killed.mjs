// Writers die at any moment; each successor goes on, and what was acknowledged is there.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Checker, NO_FAULTS } from '../../helpers/checker.mjs';
import { createRing, done, eachKind, start, until } from './parts/support.mjs';

const folder = mkdtempSync(join(tmpdir(), 'shmring-case-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

async function survives(options) {
  const ring = createRing(options);
  const consumer = ring.consumer();
  const checker = new Checker();
  const accept = (memory, start, end, position) => checker.accept(memory, start, end, position);

  let delivered = 0;
  for (const [index, mode] of ['sync', 'try', 'claim', 'batch'].entries()) {
    const id = index + 1;
    const books = join(folder, `${ring.kind}-${mode}`);
    const writer = start('producer', { name: ring.name, producer: id, mode, books });
    await writer.message('attached');
    await until(() => {
      consumer.drain(accept, 200);
      return checker.next(id) > 1500 + 371 * id;
    }, 'records of this writer');
    await writer.murder();
    assert.equal(ring.stats().producers, 0);
    consumer.drain(accept);
    const bytes = readFileSync(books);
    const [begun, acknowledged] = [bytes.readDoubleLE(0), bytes.readDoubleLE(8)];
    const arrived = checker.next(id);
    assert.ok(
      acknowledged <= arrived && arrived <= begun,
      `${mode}: ${acknowledged} <= ${arrived} <= ${begun}`,
    );
    delivered += arrived;
  }
  assert.deepEqual(checker.verdict(), NO_FAULTS);
  const { written, read } = ring.stats();
  assert.deepEqual([written, read], [delivered, delivered]);

  const producer = ring.producer();
  assert.equal(producer.tryWrite('the last one'), true);
  // In an mpsc ring the last of the dead may have left something before it.
  assert.equal(await consumer.wait({ timeoutMs: 30_000 }), 'ready');
  assert.equal(String(consumer.tryRead()), 'the last one');
}

for (const options of eachKind(1 << 14)) await survives(options);
await done();
