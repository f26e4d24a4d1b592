import { copyFileSync, cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { freshName } from '../helpers/scratch.js';
import {
  install,
  lend,
  mainTarball,
  pack,
  platform,
  platformTarball,
  readJson,
  root,
  run,
  scratch,
} from './packed.js';

const folder = join(scratch, 'installed');
const addonPackage = `shmring-${platform}`;

beforeAll(async () => {
  await pack();
  await install(folder, mainTarball, platformTarball);
});

/** What `supported` says in an installed package, and what an attempt to use it nevertheless brings. */
async function ask(cwd: string, preload = ''): Promise<{ supported: true | string; use: string }> {
  const code = `
    import { Ring, supported } from 'shmring';
    let use = 'works';
    try { Ring.list(); } catch (error) { use = error.code + ': ' + error.message; }
    console.log(JSON.stringify({ supported, use }));`;
  const imports = preload === '' ? [] : ['--import', `data:text/javascript,${encodeURIComponent(preload)}`];
  const { stdout } = await run(process.execPath, [...imports, '--input-type=module', '--eval', code], {
    cwd,
  });
  return JSON.parse(stdout);
}

/** A copy of the installed packages, to be damaged. */
function copied(): string {
  const copy = join(scratch, freshName());
  cpSync(folder, copy, { recursive: true });
  return copy;
}

test('both tarballs install offline into an empty folder and work', async () => {
  expect(Object.keys(readJson(folder, 'package.json').dependencies ?? {}).sort()).toEqual([
    'shmring',
    addonPackage,
  ]);
  expect(await ask(folder)).toEqual({ supported: true, use: 'works' });
});

test("the README's producer and consumer run as they stand, in two processes", async () => {
  const readme = readFileSync(join(folder, 'node_modules', 'shmring', 'README.md'), 'utf8');
  for (const name of ['producer.mjs', 'consumer.mjs']) {
    const example = readme.split('```js\n').find((block) => block.startsWith(`// ${name}\n`));
    writeFileSync(
      join(folder, name),
      example?.split('```')[0] ?? `throw new Error('no ${name} in the README')`,
    );
  }
  const [, consumer] = await Promise.all(
    ['producer.mjs', 'consumer.mjs'].map((file) => run(process.execPath, [file], { cwd: folder })),
  );
  let bytes = 0;
  for (let i = 0; i < 1_000_000; i++) bytes += `tick ${i}`.length;
  expect(consumer?.stdout).toBe(`${bytes} bytes, until sealed\n`);
});

describe("a user's program type-checks against what is installed", () => {
  // The older one is that which attw brings.
  const attw = createRequire(createRequire(import.meta.url).resolve('@arethetypeswrong/core'));
  const folders = {
    '7': join(root, 'node_modules', 'typescript'),
    '5': join(attw.resolve('typescript'), '..', '..'),
  };

  beforeAll(() => {
    lend(folder, '@types/node');
    copyFileSync(join(import.meta.dirname, 'fixtures', 'types.mts'), join(folder, 'types.mts'));
  });

  test.each([
    ['7', 'nodenext', true],
    ['7', 'nodenext', false],
    ['7', 'bundler', true],
    ['7', 'bundler', false],
    ['5', 'nodenext', true],
  ] as const)('TypeScript %s, %s, exactOptionalPropertyTypes %s', async (typescript, resolution, exact) => {
    const tsc = join(folders[typescript], 'bin', 'tsc');
    expect(readJson(folders[typescript], 'package.json').version).toMatch(new RegExp(`^${typescript}\\.`));
    const flags = {
      ...{ noEmit: true, strict: true, skipLibCheck: false, target: 'es2022' },
      module: resolution === 'bundler' ? 'esnext' : resolution,
      moduleResolution: resolution,
      exactOptionalPropertyTypes: exact,
    };
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
    const checked = run(process.execPath, [tsc, ...args, 'types.mts'], { cwd: folder });
    await expect(checked.catch((error) => error.stdout || error)).resolves.toMatchObject({ stdout: '' });
  });
});

describe('where only the import works', () => {
  test('a missing platform package is named, with what to do', async () => {
    const alone = join(scratch, 'alone');
    await install(alone, mainTarball);
    const { supported, use } = await ask(alone);
    expect(supported).toMatch(new RegExp(`^${addonPackage}, .* is not installed: install shmring again`));
    expect(use).toBe(`ERR_SHMRING_UNSUPPORTED: ${supported}`);
  });

  test('a platform package of another version is refused, with both versions', async () => {
    const copy = copied();
    const file = join(copy, 'node_modules', addonPackage, 'package.json');
    writeFileSync(file, JSON.stringify({ ...readJson(file), version: '99.0.0' }));
    const { supported, use } = await ask(copy);
    expect(supported).toMatch(
      /^shmring \d\S+ needs shmring-\S+ of the same version and found 99\.0\.0: install/,
    );
    expect(use).toBe(`ERR_SHMRING_UNSUPPORTED: ${supported}`);
  });

  test.each<[string, (addon: string) => void]>([
    ['gone', (addon) => rmSync(addon)],
    ['empty', (addon) => truncateSync(addon)],
    ['cut after 1,000 bytes', (addon) => truncateSync(addon, 1_000)],
    ['text', (addon) => writeFileSync(addon, 'version https://git-lfs.github.com/spec/v1\n')],
  ])('an addon that is %s is refused, with the reason', async (_, damage) => {
    const copy = copied();
    damage(join(copy, 'node_modules', addonPackage, `shmring.${platform}.node`));
    const { supported, use } = await ask(copy);
    expect(supported).toMatch(/^shmring's addon for \S+ cannot be loaded, install or build it again: ./);
    expect(use).toBe(`ERR_SHMRING_UNSUPPORTED: ${supported}`);
  });

  test.each([
    ['darwin', 'arm64', 'shmring needs Linux; this is darwin'],
    ['win32', 'x64', 'shmring needs Linux; this is win32'],
    ['android', 'arm64', 'shmring needs Linux; this is android'],
    [
      'linux',
      'riscv64',
      `shmring has no addon for this system: shmring-linux-riscv64-gnu is not among ${addonPackage}`,
    ],
  ])('on %s %s the import works and says why nothing else does', async (system, arch, reason) => {
    const preload = `Object.defineProperties(process, { platform: { value: '${system}' }, arch: { value: '${arch}' } })`;
    const { supported, use } = await ask(folder, preload);
    expect(supported).toBe(reason);
    expect(use).toBe(`ERR_SHMRING_UNSUPPORTED: ${reason}`);
  });
});

test('in a clone a local build comes before an installed package; a packed one looks for none', async () => {
  const copy = copied();
  const own = join(copy, 'node_modules', 'shmring');
  rmSync(join(copy, 'node_modules', addonPackage, `shmring.${platform}.node`));
  cpSync(join(root, 'native'), join(own, 'native'), { recursive: true });
  expect((await ask(copy)).supported).toMatch(/cannot be loaded/);
  cpSync(join(root, 'dist'), join(own, 'dist'), { recursive: true });
  expect(await ask(copy)).toEqual({ supported: true, use: 'works' });
});
