import { readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { Ring } from 'shmring';
import { beforeEach, expect, type TestContext, test } from 'vitest';
import { Actor } from '../helpers/actor.js';
import { NO_FAULTS } from '../helpers/checker.mjs';
import { start } from '../helpers/children.js';
import { closing } from '../helpers/rings.js';
import { fileOf, freshName } from '../helpers/scratch.js';
import { skip } from '../helpers/skip.js';
import { sleep } from '../helpers/time.js';

const SETTINGS = '/sys/kernel/mm/transparent_hugepage';
const capacity = 8 << 20;

function setting(name: string): string | undefined {
  try {
    return readFileSync(`${SETTINGS}/${name}`, 'latin1').trim();
  } catch {
    return undefined;
  }
}

beforeEach((context: TestContext) => {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major < 6 || (major === 6 && minor < 1))
    skip(context, 'huge-pages', `Linux ${release()} is before 6.1`);
  const page = setting('hpage_pmd_size');
  const settings = [setting('shmem_enabled'), setting('hugepages-2048kB/shmem_enabled') ?? 'inherit'];
  const denied = settings[0]?.includes('[deny]') !== false || settings[1]?.includes('[never]');
  if (page !== String(2 << 20) || denied) {
    skip(context, 'huge-pages', `of ${page} bytes, for shared memory ${settings.join(', ')}`);
  }
});

/** Bytes that a process maps of a ring by huge pages, of each mapping that has any. */
function hugeOf(pid: number | 'self', name: string): number[] {
  const bytes: number[] = [];
  // Not by name: whoever made the file mapped it before it had one.
  const { ino } = statSync(fileOf(name));
  let inside = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) inside = line.split(/ +/)[4] === String(ino);
    const [, kibibytes] = /^ShmemPmdMapped: +(\d+) kB$/.exec(line) ?? [];
    if (inside && Number(kibibytes) > 0) bytes.push(Number(kibibytes) * 1024);
  }
  return bytes;
}

test.each(['spsc', 'mpsc'] as const)(
  'a ring of kind %s that asks for huge pages gets them in /dev/shm, in every mapping',
  async (kind) => {
    const options = { kind, capacity, hugePages: true };
    const ring = closing(Ring.create(freshName(), options));
    expect(ring.hugePageBytes).toBeGreaterThanOrEqual(capacity);
    ring.producer();
    const { hugePageBytes } = ring;
    expect(hugeOf('self', ring.name)).toEqual([hugePageBytes, hugePageBytes]);
    const actor = new Actor(ring.name);
    await actor.do('open', { options: { hugePages: true } });
    await actor.do('consumer');
    expect(await actor.do('hugePages')).toMatchObject({ bytes: hugePageBytes });
    expect(hugeOf(actor.pid, ring.name)).toEqual([hugePageBytes, hugePageBytes]);
  },
);

test('a ring that does not ask gets none, and one that is too small either', () => {
  const plain = closing(Ring.create(freshName(), { kind: 'spsc', capacity }));
  const little = closing(Ring.create(freshName(), { kind: 'spsc', capacity: 1 << 20, hugePages: true }));
  for (const ring of [plain, little]) {
    ring.producer().tryWrite('x');
    expect(hugeOf('self', ring.name)).toEqual([]);
    expect(ring.hugePageBytes).toBe(0);
  }
});

test('a ring becomes huge under those who use it, and they notice nothing', async () => {
  const ring = closing(Ring.create(freshName(), { kind: 'spsc', capacity }));
  const { name } = ring;
  const consumer = start('consumer', { name, producers: [1] });
  const producer = start('producer', { name, count: 300_000, seal: true });
  await producer.message('attached');
  expect(ring.hugePageBytes).toBe(0);
  await sleep(20);
  const bytes: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const opened = Ring.open(name, { hugePages: true });
    bytes.push(opened.hugePageBytes);
    opened.close();
    await sleep(5);
  }
  // A page that was in use just then is left out.
  expect(Math.max(...bytes)).toBeGreaterThan(0);
  const done = await consumer.message('done');
  await Promise.all([producer.finished(), consumer.finished()]);
  expect(done.verdict).toEqual(NO_FAULTS);
  expect(done).toMatchObject({ records: 300_000, ended: 'sealed' });
});
