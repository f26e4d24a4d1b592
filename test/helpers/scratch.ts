import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/**
 * A folder of its own on the tmpfs for each test file, made the default place of its rings and of
 * those of its child processes: names cannot clash, and nothing is left behind.
 */
export const directory: string = mkdtempSync('/dev/shm/shmring-test-');
process.env.SHMRING_DIR = directory;
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let names = 0;

/** A name that nobody has used. */
export function freshName(): string {
  names += 1;
  return `ring-${process.pid}-${names}`;
}

/** The file that holds a ring. */
export function fileOf(name: string): string {
  return join(directory, `shmring.${name}`);
}

/** A path in the scratch folder that is no ring. */
export function scratchFile(suffix: string): string {
  names += 1;
  return join(directory, `scratch-${names}.${suffix}`);
}
