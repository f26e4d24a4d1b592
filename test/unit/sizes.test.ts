import { readFileSync } from 'node:fs';
import { Ring } from 'shmring';
import { expect, test } from 'vitest';
import { createRing } from '../helpers/rings.js';

const UNITS = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

test('a ring costs the bytes that docs/containers.md says', () => {
  const page = readFileSync(new URL('../../docs/containers.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| (\d+) ([KMG]iB).* \| ([\d,]+) \|$/gm)];
  expect(rows).toHaveLength(6);
  for (const [, count, unit, bytes] of rows) {
    const capacity = Number(count) * UNITS[unit as keyof typeof UNITS];
    const documented = Number(bytes?.replaceAll(',', ''));
    // What is beside the data area is the same for all, so the large ones need not be made.
    const made = Math.min(capacity, UNITS.MiB);
    const ring = createRing({ capacity: made });
    const info = Ring.list().find(({ name }) => name === ring.name);
    expect(info?.bytes).toBe(documented - capacity + made);
  }
});
