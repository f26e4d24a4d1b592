import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { libcOf, platformName } from '../../dist/platform.js';

/** An executable that asks for this loader; it need not run. */
function linkedWith(loader: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'shmring-platform-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [source, executable] = [join(folder, 'main.c'), join(folder, 'main')];
  writeFileSync(source, 'int main(void) { return 0; }\n');
  execFileSync('cc', [source, '-o', executable, `-Wl,--dynamic-linker=${loader}`]);
  return executable;
}

test.each([
  ['/lib/ld-musl-x86_64.so.1', 'musl'],
  ['/lib/ld-musl-aarch64.so.1', 'musl'],
  ['/lib64/ld-linux-x86-64.so.2', 'gnu'],
  ['/nix/store/0123456789abcdfghijklmnpqrsvwxyz-musl-1.2.5/lib/ld-musl-x86_64.so.1', 'musl'],
])('an executable that is loaded by %s runs on %s', (loader, libc) => {
  expect(libcOf(linkedWith(loader))).toBe(libc);
});

test('what cannot be read is taken for the usual libc', () => {
  expect(libcOf('/nowhere')).toBe('gnu');
});

test('this process is named as Node itself reports it', () => {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const libc = header.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
  expect(platformName()).toBe(`linux-${process.arch}-${libc}`);
});
