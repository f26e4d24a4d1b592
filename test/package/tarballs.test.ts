import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { beforeAll, describe, expect, test } from 'vitest';
import { mainTarball, out, pack, platform, platformTarball, readJson, root, run, version } from './packed.js';

/** The paths of the files with this ending below a folder, without the ending. */
function below(folder: string, ending: string): string[] {
  const paths = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => path.endsWith(ending)).map((path) => path.slice(0, -ending.length));
}

const MAIN_FILES = [
  ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'ARCHITECTURE.md'],
  ...below('docs', '.md').map((name) => `docs/${name}.md`),
  // A source makes exactly two files.
  ...below('ts', '.ts').flatMap((name) => [`dist/${name}.js`, `dist/${name}.d.ts`]),
];
const PLATFORM_FILES = ['package.json', 'README.md', 'LICENSE', `shmring.${platform}.node`];

let printed = '';
beforeAll(async () => {
  printed = await pack();
});

/** What tar lists: the mode and the path of each entry. */
async function entries(tarball: string): Promise<{ mode: string; path: string }[]> {
  const { stdout } = await run('tar', ['--list', '--verbose', '--gzip', '--file', tarball]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => ({ mode: line.split(' ')[0] ?? '', path: line.replace(/^.*? package\//, '') }));
}

const PACKAGES = [
  ['the main package', mainTarball, 'shmring', MAIN_FILES],
  ['the platform package', platformTarball, `shmring-${platform}`, PLATFORM_FILES],
] as const;

describe.each(PACKAGES)('%s', (_, tarball, name, files) => {
  test('holds exactly the files that are declared here', async () => {
    const paths = (await entries(tarball)).map(({ path }) => path);
    expect(paths.sort()).toEqual([...files].sort());
  });

  test('holds plain files that anybody may read and only their owner may write', async () => {
    for (const { mode, path } of await entries(tarball)) expect(mode, path).toBe('-rw-r--r--');
  });

  test('names no path of the machine that packed it', async () => {
    const home = process.env.HOME ?? '/root';
    for (const file of files) {
      const content = readFileSync(join(out, name, file), 'latin1');
      for (const path of [root, join(home, '.cargo'), process.env.CARGO_HOME ?? root]) {
        expect(content.includes(path), `${path} in ${file}`).toBe(false);
      }
    }
  });

  test('has no script and no dependency that is not one of its own platform packages', () => {
    const manifest = readJson(out, name, 'package.json');
    const dependencies = name === 'shmring' ? { [`shmring-${platform}`]: version } : undefined;
    expect(manifest.optionalDependencies).toEqual(dependencies);
    for (const key of ['scripts', 'dependencies', 'devDependencies', 'peerDependencies', 'private', 'bin']) {
      expect(manifest, key).not.toHaveProperty(key);
    }
  });

  test('leaves publint nothing to say', async () => {
    const file = readFileSync(tarball);
    const { messages, pkg } = await publint({
      pack: { tarball: new Uint8Array(file).buffer },
      strict: true,
      level: 'suggestion',
    });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });
});

test('the types of the main package are right for whoever can import it', async () => {
  const result = await checkPackage(createPackageFromTarballData(readFileSync(mainTarball)));
  if (result.types === false) throw new Error('no types were found');
  // ESM only: old resolution knows no exports, and a CommonJS module of TypeScript cannot import it statically.
  const others = ['node10', 'node16-cjs'];
  const problems = result.problems.filter(
    (problem) => !('resolutionKind' in problem && others.includes(problem.resolutionKind)),
  );
  expect(problems).toEqual([]);
  expect(Object.keys(result.entrypoints)).toContain('.');
});

test('the main package installs everywhere, the platform package only where it runs', () => {
  const main = readJson(out, 'shmring', 'package.json');
  for (const key of ['os', 'cpu', 'libc']) expect(main).not.toHaveProperty(key);
  const [os, cpu, libc] = platform.split('-');
  expect(readJson(out, `shmring-${platform}`, 'package.json')).toMatchObject({
    ...{ version, os: [os], cpu: [cpu], libc: [libc === 'gnu' ? 'glibc' : libc] },
    engines: main.engines,
  });
});

test('packing prints each file and both sizes, and leaves the own manifest alone', async () => {
  for (const file of [...MAIN_FILES, ...PLATFORM_FILES]) expect(printed).toContain(`  ${file}\n`);
  expect(printed.match(/\d+\.\d kB packed, \d+\.\d kB unpacked/g)).toHaveLength(2);
  const own = readJson(root, 'package.json');
  expect(own.private).toBe(true);
  expect(own).not.toHaveProperty('optionalDependencies');
});

test('a release is refused when an addon of a platform is missing', async () => {
  await expect(pack('--all')).rejects.toThrow(/No addon for linux-.*musl/);
});

test('the crate has the version of the package', () => {
  const crate = readFileSync(join(root, 'crate', 'Cargo.toml'), 'utf8');
  expect(/^version = "(.*)"$/m.exec(crate)?.[1]).toBe(version);
});
