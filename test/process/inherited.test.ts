import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { start } from '../helpers/children.js';
import { createRing } from '../helpers/rings.js';
import { fileOf } from '../helpers/scratch.js';
import { until } from '../helpers/time.js';

/** Where a descriptor leads; nowhere when a process that still starts has closed it since it was listed. */
function leadsTo(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** What a process has of a file: descriptors and mappings. */
function holdings(pid: number, file: string): string[] {
  const folder = `/proc/${pid}/fd`;
  const links = readdirSync(folder).map((number) => leadsTo(`${folder}/${number}`));
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return [...links, ...maps].filter((line) => line.includes(file));
}

test('programs that an owner starts, by whatever call, hold nothing of its ring and do not keep it alive', async () => {
  const ring = createRing();
  const spawner = start('spawner', { name: ring.name });
  const { pids } = await spawner.message('started');
  try {
    expect(pids).toHaveLength(7);
    expect(holdings(spawner.pid, fileOf(ring.name)).length).toBeGreaterThan(2);
    for (const pid of pids) expect(holdings(pid, fileOf(ring.name))).toEqual([]);
    expect(ring.owners().map(({ alive }) => alive)).toEqual([true, true]);
    spawner.kill('SIGKILL');
    // Not by its pipes, which some of the programs inherited.
    await until(() => !existsSync(`/proc/${spawner.pid}`), 'its end');
    expect(ring.owners().map(({ alive }) => alive)).toEqual([false, false]);
    expect(ring.recover().slotsFreed).toBe(2);
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  }
  ring.producer().tryWrite('mine');
  expect(ring.consumer().tryRead()?.toString()).toBe('held');
});
