// Builds the addon as the set-up does, with further arguments for `napi build`; a release builds for
// other platforms so: node scripts/pack/build-addon.mjs --target aarch64-unknown-linux-gnu --cross-compile
import { spawnSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addon } from '../setup/steps.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
const { command, args, env } = addon.tool(root);
const { status } = spawnSync(command, [...args, ...process.argv.slice(2)], {
  cwd: root,
  env,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
