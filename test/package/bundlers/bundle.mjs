// Bundles the program `app.mjs` of the working directory with each bundler, as each does by default for Node:
// `bundles/NAME.cjs` and `.mjs`; with `shmring` left out of it `bundles/NAME-external.cjs` and `.mjs`.
import { resolve } from 'node:path';
import * as esbuild from 'esbuild';
import { rolldown } from 'rolldown';
import webpack from 'webpack';

const ENTRY = './app.mjs';
const FORMATS = { cjs: 'commonjs', esm: 'module' };

/** @typedef {{ format: 'cjs' | 'esm', file: string, external: string[] }} Wanted `file`: of the folder `bundles` */

/** @type {Record<string, (wanted: Wanted) => Promise<unknown>>} */
const BUNDLERS = {
  esbuild: ({ format, file, external }) =>
    esbuild.build({
      ...{ entryPoints: [ENTRY], bundle: true, platform: 'node' },
      ...{ format, external, outfile: `bundles/${file}` },
    }),
  rolldown: async ({ format, file, external }) => {
    const bundle = await rolldown({ input: ENTRY, platform: 'node', external });
    await bundle.write({ format, file: `bundles/${file}` });
  },
  webpack: async ({ format, file, external }) => {
    const stats = await new Promise((done, failed) => {
      const module = format === 'esm';
      const externals = Object.fromEntries(external.map((name) => [name, `${FORMATS[format]} ${name}`]));
      const output = { path: resolve('bundles'), filename: file, module };
      const options = { mode: 'production', target: 'node', entry: ENTRY, output, externals };
      webpack({ ...options, experiments: { outputModule: module } }, (error, result) =>
        error ? failed(error) : done(result),
      );
    });
    if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString('errors-warnings'));
  },
};

for (const [name, bundle] of Object.entries(BUNDLERS)) {
  for (const format of /** @type {const} */ (['cjs', 'esm'])) {
    const ending = format === 'esm' ? 'mjs' : 'cjs';
    await bundle({ format, file: `${name}.${ending}`, external: [] });
    await bundle({ format, file: `${name}-external.${ending}`, external: ['shmring'] });
  }
}
