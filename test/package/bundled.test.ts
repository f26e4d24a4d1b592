// The package inside of other people's bundles. The addon cannot be in one: what is tried is that a bundle finds it, and
// that one which does not find it is imported all the same and says what to do.
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freshName } from '../helpers/scratch.js';
import {
  install,
  mainTarball,
  pack,
  platform,
  platformTarball,
  readJson,
  run,
  scratch,
  version,
} from './packed.js';

const addonPackage = `shmring-${platform}`;
const bundlers = join(import.meta.dirname, 'bundlers');
/** Where the application is bundled; gone by the time of the tests. */
const building = join(scratch, 'building');
/** The application then, with the package installed. */
const app = join(scratch, 'app');
const BUNDLES = ['esbuild', 'rolldown', 'webpack'].flatMap((name) => [`${name}.cjs`, `${name}.mjs`]);

interface Answer {
  supported: true | string;
  use: string;
}
const WORKS: Answer = { supported: true, use: 'a record' };
const fails = (supported: string): Answer => ({ supported, use: `ERR_SHMRING_UNSUPPORTED: ${supported}` });

async function ask(file: string, ...flags: string[]): Promise<Answer> {
  // Not from the bundle's own folder: where it is started from must not matter.
  const { stdout, stderr } = await run(process.execPath, [...flags, file], { cwd: scratch });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

const whereBuilt = new Map<string, Answer>();

beforeAll(async () => {
  await pack();
  await install(building, mainTarball, platformTarball);
  const manifest = { ...readJson(building, 'package.json'), name: 'application', version: '9.9.9' };
  writeFileSync(join(building, 'package.json'), JSON.stringify(manifest));
  copyFileSync(join(import.meta.dirname, 'fixtures', 'app.mjs'), join(building, 'app.mjs'));
  await run(process.execPath, [join(bundlers, 'bundle.mjs')], { cwd: building });
  for (const file of readdirSync(join(building, 'bundles'))) {
    whereBuilt.set(file, await ask(join(building, 'bundles', file)));
  }
  // webpack puts the paths of sources into a bundle: from here on they lead nowhere.
  renameSync(building, app);
}, 180_000);

/** A copy of a bundle in a folder of its own, and that folder's node_modules. */
function moved(bundle: string): { file: string; modules: string } {
  const folder = join(scratch, freshName());
  mkdirSync(folder);
  const file = join(folder, bundle);
  copyFileSync(join(app, 'bundles', bundle), file);
  return { file, modules: join(folder, 'node_modules') };
}

/** The same with the platform package beside it. */
function shipped(bundle: string): { file: string; addon: string } {
  const { file, modules } = moved(bundle);
  const addon = join(modules, addonPackage);
  cpSync(join(app, 'node_modules', addonPackage), addon, { recursive: true });
  return { file, addon };
}

describe.each(BUNDLES)('%s', (bundle) => {
  test('works where it was bundled', () => {
    expect(whereBuilt.get(bundle)).toEqual(WORKS);
  });

  test('works beside what is installed, on a machine other than that where it was bundled', async () => {
    expect(await ask(join(app, 'bundles', bundle))).toEqual(WORKS);
  });

  test('works with only the platform package in the node_modules beside it', async () => {
    expect(await ask(shipped(bundle).file)).toEqual(WORKS);
  });

  test('works where only shmring itself can see the platform package, as pnpm installs it', async () => {
    const { file, modules } = moved(bundle);
    const store = join(modules, '.store', 'node_modules');
    for (const name of ['shmring', addonPackage]) {
      cpSync(join(app, 'node_modules', name), join(store, name), { recursive: true });
    }
    symlinkSync(join(store, 'shmring'), join(modules, 'shmring'));
    expect(await ask(file)).toEqual(WORKS);
  });

  test('moved alone to another folder it is imported, and says to mark shmring as external', async () => {
    const remedy = `mark shmring as external and install it, or put ${addonPackage} into a node_modules folder beside the bundle`;
    expect(await ask(moved(bundle).file)).toEqual(
      fails(`${addonPackage}, which holds shmring's addon, is not found from this bundle: ${remedy}`),
    );
  });

  test('works where the process may read nothing but its own folder, not even where it was bundled', async () => {
    const { file } = shipped(bundle);
    cpSync(join(app, 'node_modules'), join(building, 'node_modules'), { recursive: true });
    onTestFinished(() => rmSync(building, { recursive: true }));
    const permission = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission';
    const flags = [permission, '--no-warnings', '--allow-addons', `--allow-fs-read=${dirname(file)}`];
    expect(await ask(file, ...flags)).toEqual(WORKS);
  });

  test("compares the platform package with shmring's version, not with the application's", async () => {
    const { file, addon } = shipped(bundle);
    const manifest = readJson(addon, 'package.json');
    writeFileSync(join(addon, 'package.json'), JSON.stringify({ ...manifest, version: '9.9.9' }));
    const found = `needs ${addonPackage} of the same version and found 9.9.9: install shmring again`;
    expect(await ask(file)).toEqual(fails(`shmring ${version} ${found}`));
  });

  test('refuses an addon that was cut short instead of crashing', async () => {
    const { file, addon } = shipped(bundle);
    truncateSync(join(addon, `shmring.${platform}.node`), 1_000);
    const { supported } = await ask(file);
    expect(supported).toMatch(/^shmring's addon for \S+ cannot be loaded, .* has 1000 bytes, not \d+$/);
  });

  test('works with shmring marked as external', async () => {
    const external = bundle.replace('.', '-external.');
    expect(whereBuilt.get(external)).toEqual(WORKS);
    expect(await ask(join(app, 'bundles', external))).toEqual(WORKS);
  });
});

test('file tracing takes the addon along, and what it copies works', async () => {
  const { stdout } = await run(process.execPath, [join(bundlers, 'trace.mjs')], { cwd: app });
  const files: string[] = JSON.parse(stdout);
  const addon = join('node_modules', addonPackage, `shmring.${platform}.node`);
  expect(files).toContain(addon);
  const copy = join(scratch, freshName());
  for (const file of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    copyFileSync(join(app, file), join(copy, file));
  }
  expect(await ask(join(copy, 'app.mjs'))).toEqual(WORKS);
});
