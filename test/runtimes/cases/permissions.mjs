// Where addons are forbidden, the import works and everything else is a named refusal; with the
// permissions that are documented as enough, everything works.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const inDeno = 'Deno' in globalThis;

function run(flags, path) {
  const file = fileURLToPath(new URL(path, import.meta.url));
  return spawnSync(process.execPath, [...flags, file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const forbidden = inDeno ? ['run', '--allow-read', '--allow-env'] : ['--no-addons'];
const { status, signal, stdout, stderr } = run(forbidden, 'parts/refused.mjs');
assert.deepEqual([status, signal, stderr], [0, null, '']);
const { supported, refusals } = JSON.parse(stdout);
assert.match(supported, /^shmring's addon for \S+ may not be loaded here: [^\n]+$/);
assert.match(supported, inDeno ? /--allow-ffi/ : /addons is disabled/);
for (const refusal of refusals) {
  assert.deepEqual(refusal, { name: 'RingError', code: 'ERR_SHMRING_UNSUPPORTED', message: supported });
}

const enough = inDeno ? ['run', '--allow-read', '--allow-env', '--allow-ffi'] : [];
const smoke = run(enough, 'smoke.mjs');
assert.deepEqual([smoke.status, smoke.stderr], [0, '']);
