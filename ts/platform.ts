/** Tells on what this process runs, in the words that the platform packages are named with. */

import { closeSync, openSync, readSync } from 'node:fs';

/** Such as `linux-x64-gnu`, `linux-arm64-musl`, `darwin-arm64`. */
export function platformName(): string {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === 'linux' ? `${name}-${libcOf('/proc/self/exe')}` : name;
}

/**
 * The C library that an executable asks for. Its loader's path stands right after the headers, where
 * reading it costs a fiftieth of a `process.report`.
 */
export function libcOf(executable: string): 'gnu' | 'musl' {
  const start = Buffer.alloc(4096);
  try {
    const file = openSync(executable, 'r');
    readSync(file, start);
    closeSync(file);
  } catch {
    // Unreadable: the usual one is tried, and loading it says what is wrong.
  }
  return start.includes('/ld-musl-') ? 'musl' : 'gnu';
}
