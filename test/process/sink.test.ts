import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ring } from 'shmring';
import { afterEach, expect, test } from 'vitest';
import { directory } from '../helpers/scratch.js';
import { PATIENCE_MS, until, within } from '../helpers/time.js';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(directory, 'sink-'));
const shmring = pathToFileURL(join(root, 'dist', 'index.js')).href;
const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Runs a program there, which finds the package under its name; rejects unless it ends with 0. */
function run(code: string): { child: ChildProcess; ended: Promise<void> } {
  const program = code.replaceAll("from 'shmring'", `from '${shmring}'`);
  const stdio = ['ignore', 'inherit', 'inherit'] as const;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: folder,
    stdio: [...stdio],
  });
  running.add(child);
  const ended = once(child, 'exit').then(([exitCode, signal]) => {
    running.delete(child);
    expect({ exitCode, signal }).toEqual({ exitCode: 0, signal: null });
  });
  ended.catch(() => {});
  return { child, ended };
}

/** What the README says under that name. */
function recipe(name: string): string {
  const blocks = readFileSync(join(root, 'README.md'), 'utf8').split('```js\n');
  const block = blocks.find((candidate) => candidate.startsWith(`// ${name}`));
  if (block === undefined) throw new Error(`no ${name} in the README`);
  return block.split('```')[0] as string;
}

/** A worker as the README has it, which writes its lines and ends. */
function worker(night: number, number: number): string {
  const attach = recipe('in each worker').match(/const log = .*;/)?.[0];
  if (attach === undefined) throw new Error('no worker in the README');
  return `import { Ring } from 'shmring';
    ${attach}
    for (let i = 0; i < 100; i++) log.writeSync(\`night ${night}, worker ${number}, line \${i}\\n\`);
    log.close();`;
}

test("the README's sink keeps the lines of workers that do not overlap, ends well on SIGTERM, and again the next night", async () => {
  const ring = Ring.openOrCreate('log');
  const expected: string[] = [];
  for (const night of [1, 2]) {
    const sink = run(recipe('sink.mjs'));
    await until(() => ring.stats().consumers === 1 || sink.child.exitCode !== null, 'the sink');
    for (const number of [1, 2, 3]) {
      await within(run(worker(night, number)).ended, `worker ${number}`);
      for (let i = 0; i < 100; i += 1) expected.push(`night ${night}, worker ${number}, line ${i}`);
      // Between two workers it does not end.
      expect(sink.child.exitCode).toBeNull();
    }
    sink.child.kill(night === 1 ? 'SIGTERM' : 'SIGINT');
    await within(sink.ended, 'the end of the sink', PATIENCE_MS);
    const lines = readFileSync(join(folder, 'all.log'), 'utf8').split('\n');
    expect(lines).toEqual([...expected, '']);
    expect(ring.stats()).toMatchObject({ recordsWaiting: 0, consumers: 0, producers: 0 });
  }
  ring.close();
});

test("the README's sink, asked to stop while lines wait, stores them before it ends", async () => {
  const ring = Ring.openOrCreate('log');
  const before = readFileSync(join(folder, 'all.log'), 'utf8');
  const producer = ring.producer();
  const sink = run(recipe('sink.mjs'));
  await until(() => ring.stats().consumers === 1 || sink.child.exitCode !== null, 'the sink');
  // It is stopped, so that it finds both when it goes on.
  sink.child.kill('SIGSTOP');
  for (let i = 0; i < 1000; i += 1) producer.writeSync(`late ${i}\n`, { timeoutMs: PATIENCE_MS });
  sink.child.kill('SIGTERM');
  sink.child.kill('SIGCONT');
  await within(sink.ended, 'the end of the sink');
  const late = Array.from({ length: 1000 }, (_, i) => `late ${i}\n`).join('');
  expect(readFileSync(join(folder, 'all.log'), 'utf8')).toBe(before + late);
  producer.close();
  ring.close();
});
