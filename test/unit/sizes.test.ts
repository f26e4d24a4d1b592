import { readFileSync } from 'node:fs';
import { Ring } from 'shmring';
import { expect, test } from 'vitest';
import { createRing } from '../helpers/rings.js';

const UNITS = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

test('a ring costs the bytes that docs/containers.md says', () => {
  const page = readFileSync(new URL('../../docs/containers.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| (\d+) ([KMG]iB).* \| ([\d,]+) \| ([\d,–]+) \|$/gm)];
  expect(rows).toHaveLength(6);
  const documented = rows.flatMap(([, count, unit, spsc, mpsc]) => {
    const capacity = Number(count) * UNITS[unit as keyof typeof UNITS];
    return [
      { kind: 'spsc' as const, capacity, bytes: spsc },
      { kind: 'mpsc' as const, capacity, bytes: mpsc },
    ];
  });
  for (const { kind, capacity, bytes } of documented.filter(({ bytes }) => bytes !== '–')) {
    // Beside the data there is a constant, and in an mpsc ring an eighth of it: the large ones need not be made.
    const made = Math.min(capacity, UNITS.MiB);
    const rest = (capacity - made) * (kind === 'mpsc' ? 9 / 8 : 1);
    const ring = createRing({ kind, capacity: made });
    const info = Ring.list().find(({ name }) => name === ring.name);
    expect(info?.bytes, `${kind} ${capacity}`).toBe(Number(bytes?.replaceAll(',', '')) - rest);
  }
});
