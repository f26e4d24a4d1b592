import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** @param path relative to this file */
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests use the package as its users do, by name and as built.
    alias: [{ find: /^shmring$/, replacement: at('./dist/index.js') }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/fixtures/**'],
    // Node loads the package itself, as in real use: one instance a process, not transformed.
    server: { deps: { external: [/\/dist\//, /\/native\//] } },
    // A process of its own for each file: a crash of the addon is then one file's failure.
    pool: 'forks',
    // Tests start processes of their own; more than two at once only disturb each other's timing.
    maxWorkers: 2,
    // Process tests start, stop and kill Node processes and move millions of records.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
