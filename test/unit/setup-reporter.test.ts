import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import CountReporter, { COUNTS_FILE } from '../../scripts/test/vitest-reporter.mjs';

let folder = '';
let before: string | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shmring-reporter-'));
  // The run that this test is part of has a file there itself.
  before = process.env[COUNTS_FILE];
  process.env[COUNTS_FILE] = join(folder, 'counts.json');
});

afterEach(() => {
  if (before === undefined) delete process.env[COUNTS_FILE];
  else process.env[COUNTS_FILE] = before;
  rmSync(folder, { recursive: true });
});

const written = () => JSON.parse(readFileSync(join(folder, 'counts.json'), 'utf8'));

function moduleOf(relativeModuleId: string, states: string[], state = 'passed') {
  const tests = states.map((one) => ({ result: () => ({ state: one }) }));
  return { relativeModuleId, state: () => state, children: { allTests: () => tests } } as never;
}

test('counts are there after each file, with the names of those that did not end', () => {
  const reporter = new CountReporter();
  const good = moduleOf('good.test.ts', ['passed', 'passed', 'skipped', 'failed'], 'failed');
  const hanging = moduleOf('hanging.test.ts', ['passed', 'pending']);
  reporter.onTestModuleQueued(good);
  reporter.onTestModuleQueued(hanging);
  expect(written()).toEqual({
    passed: 0,
    failed: 0,
    skipped: 0,
    unfinished: ['good.test.ts', 'hanging.test.ts'],
  });
  reporter.onTestModuleEnd(good);
  expect(written()).toEqual({ passed: 2, failed: 1, skipped: 1, unfinished: ['hanging.test.ts'] });
});

test('a file that cannot be loaded and an error outside of any test are failures', () => {
  const reporter = new CountReporter();
  reporter.onTestModuleEnd(moduleOf('broken.test.ts', [], 'failed'));
  reporter.onTestRunEnd([], [new Error('unhandled'), new Error('the same again')]);
  expect(written()).toMatchObject({ passed: 0, failed: 2 });
});
