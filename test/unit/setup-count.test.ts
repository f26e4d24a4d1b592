import { describe, expect, test } from 'vitest';
import { add, countCargo, countVitest, judge, summary } from '../../scripts/test/count.mjs';

const CARGO = `
running 12 tests
test layout::tests::a ... ok
test result: ok. 10 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/loom_spsc.rs
test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 5 filtered out; finished in 1.00s

   Doc-tests shmring
test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
`;

describe('counting', () => {
  test('cargo: every test binary is added up', () => {
    expect(countCargo(CARGO)).toEqual({ passed: 13, failed: 1, skipped: 2 });
  });

  test('cargo: what a test prints is not counted', () => {
    expect(countCargo('note: test result: ok. 9 passed; 9 failed; 9 ignored;')).toEqual({
      passed: 0,
      failed: 0,
      skipped: 0,
    });
  });

  test('vitest: what its reporter wrote', () => {
    const written = JSON.stringify({ passed: 7, failed: 1, skipped: 5, unfinished: ['test/a.test.ts'] });
    expect(countVitest(written)).toEqual({
      count: { passed: 7, failed: 1, skipped: 5 },
      unfinished: ['test/a.test.ts'],
    });
  });

  test('vitest: nothing written is no test', () => {
    expect(countVitest(undefined).count).toEqual({ passed: 0, failed: 0, skipped: 0 });
  });

  test('the last line has the sum of both', () => {
    const sum = add({ passed: 1, failed: 2, skipped: 3 }, { passed: 10, failed: 20, skipped: 30 });
    expect(summary(sum)).toBe('11 passed, 22 failed, 33 skipped');
  });
});

describe('a run that proves nothing is no success', () => {
  const good = { passed: 5, failed: 0, skipped: 1 };

  test('good counts and a good end stay as they are', () => {
    expect(judge('vitest', good, undefined)).toEqual({ count: good });
  });

  test('failed tests explain a bad end', () => {
    const count = { ...good, failed: 2 };
    expect(judge('vitest', count, 'ended with exit code 1')).toEqual({ count });
  });

  test('a crash that no failed test explains is one failure', () => {
    const { count, complaint } = judge('cargo test', good, 'was ended by SIGSEGV');
    expect(count).toEqual({ passed: 5, failed: 1, skipped: 1 });
    expect(complaint).toContain('SIGSEGV');
  });

  test('a runner that ran nothing is one failure, even with exit code 0', () => {
    const { count, complaint } = judge('vitest', { passed: 0, failed: 0, skipped: 4 }, undefined);
    expect(count).toEqual({ passed: 0, failed: 1, skipped: 4 });
    expect(complaint).toContain('no test');
  });
});
