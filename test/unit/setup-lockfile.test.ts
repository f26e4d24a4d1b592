import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { completeLock, LOCKS, platformOf } from '../../scripts/complete-lock.mjs';

test.each([
  ['@biomejs/cli-linux-x64-musl', { os: ['linux'], cpu: ['x64'], libc: ['musl'] }],
  ['@rolldown/binding-linux-arm64-gnu', { os: ['linux'], cpu: ['arm64'], libc: ['glibc'] }],
  ['@napi-rs/tar-linux-arm-gnueabihf', { os: ['linux'], cpu: ['arm'] }],
  ['@napi-rs/tar-win32-x64-msvc', { os: ['win32'], cpu: ['x64'] }],
  ['@napi-rs/tar-wasm32-wasi', { cpu: ['wasm32'] }],
  ['fsevents', undefined],
])('%s names its platform', (name, platform) => {
  expect(platformOf(name)).toEqual(platform);
});

test('what npm left out is added once, and nothing else is touched', () => {
  const tool = {
    version: '2.0.0',
    dev: true,
    optionalDependencies: { 'tool-linux-x64': '2.0.0', 'tool-darwin-x64': '2.0.0' },
  };
  const there = { version: '2.0.0', integrity: 'sha512-abc' };
  const lock = { packages: { '': {}, 'node_modules/tool': tool, 'node_modules/tool-linux-x64': there } };
  expect(completeLock(lock)).toEqual(['tool-darwin-x64']);
  expect(lock.packages).toEqual({
    '': {},
    'node_modules/tool': tool,
    'node_modules/tool-darwin-x64': {
      version: '2.0.0',
      cpu: ['x64'],
      dev: true,
      optional: true,
      os: ['darwin'],
    },
    'node_modules/tool-linux-x64': there,
  });
  expect(completeLock(lock)).toEqual([]);
});

test.each(LOCKS)('%s is complete and names no download address', (path) => {
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  expect(completeLock(lock)).toEqual([]);
  expect(JSON.stringify(lock)).not.toContain('"resolved"');
});
