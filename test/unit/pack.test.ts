import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { parseTriple } from '@napi-rs/cli';
import { expect, test } from 'vitest';
import { addonPackage } from '../../dist/addon-package.js';
import { compareVersions, glibcOf, machinePathIn } from '../../scripts/pack/addon.mjs';
import { buildConstants } from '../../scripts/pack/build-constants.mjs';
import { mainManifest, platformManifest } from '../../scripts/pack/manifest.mjs';
import { withoutMachinePaths } from '../../scripts/setup/steps.mjs';

const ROOT = {
  ...{ name: 'shmring', version: '1.2.3', license: 'MIT', private: true, files: ['dist'] },
  ...{ engines: { node: '>=24' }, scripts: { test: 'x' }, devDependencies: { x: '1' } },
  napi: { binaryName: 'shmring', targets: [] },
};
const MUSL = { name: 'linux-arm64-musl', os: 'linux', cpu: 'arm64', libc: 'musl' } as const;
const MAC = { name: 'darwin-arm64', os: 'darwin', cpu: 'arm64' } as const;

test('the main manifest names each platform package with the exact version, and nothing of the workshop', () => {
  expect(mainManifest(ROOT, [MUSL, MAC])).toEqual({
    ...{ name: 'shmring', version: '1.2.3', license: 'MIT', files: ['dist'], engines: { node: '>=24' } },
    optionalDependencies: { 'shmring-linux-arm64-musl': '1.2.3', 'shmring-darwin-arm64': '1.2.3' },
  });
});

test('a platform manifest says where it fits', () => {
  expect(platformManifest(ROOT, MUSL, 7)).toMatchObject({
    ...{ name: 'shmring-linux-arm64-musl', version: '1.2.3', addonBytes: 7 },
    ...{ os: ['linux'], cpu: ['arm64'], libc: ['musl'], main: 'shmring.linux-arm64-musl.node' },
  });
  expect(platformManifest(ROOT, MAC, 7)).not.toHaveProperty('libc');
});

test('the glibc that an addon needs is the newest it names, by number and not by letters', () => {
  expect(glibcOf(Buffer.from('\0GLIBC_2.4\0GLIBC_2.17\0GLIBC_2.9\0GLIBC_2.2.5\0'))).toBe('2.17');
  expect(glibcOf(Buffer.from('\0musl\0'))).toBeUndefined();
  expect(compareVersions('2.34', '2.28')).toBeGreaterThan(0);
  expect(compareVersions('2.9', '2.28')).toBeLessThan(0);
});

test('a path of the crate or of cargo in an addon is found', () => {
  const cargoHome = process.env.CARGO_HOME ?? `${homedir()}/.cargo`;
  expect(machinePathIn(Buffer.from('\0/clone/crate/src/lib.rs\0'), '/clone')).toBe('/clone/crate');
  expect(machinePathIn(Buffer.from(`${cargoHome}/registry/src/x.rs`), '/clone')).toBe(
    `${cargoHome}/registry`,
  );
  expect(machinePathIn(Buffer.from('\0src/lib.rs\0cargo/registry/src\0'), '/clone')).toBeUndefined();
});

test("the build keeps cargo's home out of the addon and leaves a person's flags in place", () => {
  expect(withoutMachinePaths({ CARGO_HOME: '/c' })).toBe('--remap-path-prefix=/c=cargo');
  expect(withoutMachinePaths({ CARGO_HOME: '/c', RUSTFLAGS: '-C debuginfo=1' })).toBe(
    '-C debuginfo=1 --remap-path-prefix=/c=cargo',
  );
  expect(withoutMachinePaths({ CARGO_HOME: '/a b', RUSTFLAGS: '-O' })).toBe('-O');
});

test('each platform that is published is looked for under its own name, and no other', () => {
  const { targets } = JSON.parse(readFileSync('package.json', 'utf8')).napi;
  for (const target of targets) {
    const platform = parseTriple(target).platformArchABI;
    const found = addonPackage(platform, '/nowhere/file');
    const absent = (path: string) =>
      expect.objectContaining({ code: 'MODULE_NOT_FOUND', message: expect.stringContaining(`'${path}'`) });
    expect(() => found?.manifest(), platform).toThrow(absent(`shmring-${platform}/package.json`));
    const file = `shmring-${platform}/shmring.${platform}.node`;
    expect(() => found?.file(), platform).toThrow(absent(file));
    expect(() => found?.addon(), platform).toThrow(absent(file));
  }
  expect(addonPackage('linux-riscv64-gnu', '/nowhere/file')).toBeUndefined();
});

test('a packed package knows its version and its platforms without a look at any manifest', async () => {
  const text = buildConstants({ ...mainManifest(ROOT, [MUSL, MAC]) });
  const constants = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  expect(constants.version()).toBe('1.2.3');
  expect(constants.published).toEqual(['shmring-linux-arm64-musl', 'shmring-darwin-arm64']);
  expect(constants.localAddon('linux-x64-gnu')).toBeUndefined();
  expect(text).not.toMatch(/import|require/);
  expect(Object.keys(constants).sort()).toEqual(Object.keys(await import('../../dist/build.js')).sort());
});
