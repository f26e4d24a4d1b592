import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';

export const run = promisify(execFile);
export const root: string = resolve(import.meta.dirname, '..', '..');

export interface Manifest {
  version: string;
  [key: string]: unknown;
}

/** A JSON file, such as a manifest. */
export function readJson(...path: string[]): Manifest {
  return JSON.parse(readFileSync(join(...path), 'utf8'));
}

export const { version } = readJson(root, 'package.json');
/** As it is called on the machine that runs the tests. */
export const platform: string = (await import('../../dist/platform.js')).platformName();

/** Everything that is made here, removed at the end. */
export const scratch: string = mkdtempSync(join(tmpdir(), 'shmring-package-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

export const out: string = join(scratch, 'packages');
export const mainTarball: string = join(out, `shmring-${version}.tgz`);
export const platformTarball: string = join(out, `shmring-${platform}-${version}.tgz`);

/** Packs both packages and gives what that printed. */
export async function pack(...args: string[]): Promise<string> {
  const script = join(root, 'scripts', 'pack.mjs');
  return (await run(process.execPath, [script, '--out', out, ...args])).stdout;
}

/** Installs tarballs into an empty folder, with neither network nor cache. */
export async function install(folder: string, ...tarballs: string[]): Promise<void> {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const flags = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...flags, '--cache', join(scratch, 'npm-cache'), ...tarballs], {
    cwd: folder,
  });
}

/** Lends an installed development dependency of the repository, which a user would install too. */
export function lend(folder: string, name: string): void {
  mkdirSync(join(folder, 'node_modules', name, '..'), { recursive: true });
  symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
}
