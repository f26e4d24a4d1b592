import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type End, expected, outcomeOf } from '../runtimes/outcome.mjs';
import { NAMES } from '../runtimes/runtimes.mjs';
import { KNOWN_UNSUPPORTED } from '../runtimes/unsupported.mjs';

const end = (end: Partial<End>): End => ({
  code: 0,
  signal: null,
  late: false,
  stdout: '',
  stderr: '',
  ...end,
});

describe('how a case ended', () => {
  test('quietly and with exit code 0 is passed, whatever it printed', () => {
    expect(outcomeOf(end({ stdout: 'a note\n' }))).toEqual({ verdict: 'passed' });
  });

  test.each<[string, Partial<End>, string]>([
    ['with a warning', { stderr: '(node:1) DeprecationWarning: old\n' }, 'DeprecationWarning'],
    ['with another exit code', { code: 1, stderr: 'AssertionError: no' }, 'AssertionError'],
    ['by a signal', { code: null, signal: 'SIGSEGV' }, 'SIGSEGV'],
    ['by being killed when it was late', { code: null, signal: 'SIGKILL', late: true }, 'in time'],
    ['by a signal after it said UNSUPPORTED', { signal: 'SIGABRT', stdout: 'UNSUPPORTED: x' }, 'SIGABRT'],
    ['as unsupported without saying why', { code: 77 }, '77'],
    ['with another error of the package', { code: 1, stderr: "RingError: full\n code: 'X'" }, 'full'],
  ])('%s is failed, with what it said', (_, how, detail) => {
    expect(outcomeOf(end(how))).toMatchObject({
      verdict: 'failed',
      detail: expect.stringContaining(detail),
    });
  });

  test('with a named refusal of its own is unsupported', () => {
    const outcome = outcomeOf(end({ code: 77, stdout: 'first\nUNSUPPORTED: no such thing\n' }));
    expect(outcome).toEqual({ verdict: 'unsupported', detail: 'no such thing' });
  });

  test('with a named refusal of the package is unsupported', () => {
    const stderr =
      "file:1\nRingError: native memory cannot be shared\n  code: 'ERR_SHMRING_UNSUPPORTED'\n}\n";
    const outcome = outcomeOf(end({ code: 1, stderr }));
    expect(outcome).toEqual({ verdict: 'unsupported', detail: 'native memory cannot be shared' });
  });
});

describe('what is known of a runtime', () => {
  const known = [{ runtime: 'old', case: 'new-thing', says: /no thing/, reason: 'it has none' }];
  const passed = { verdict: 'passed' } as const;
  const refused = { verdict: 'unsupported', detail: 'no thing here' } as const;

  test('must be so: a known refusal stands with its reason', () => {
    expect(expected('old', 'new-thing', refused, known)).toEqual({
      verdict: 'unsupported',
      detail: 'it has none',
    });
  });

  test('must still be so: what passes all at once fails', () => {
    expect(expected('old', 'new-thing', passed, known).verdict).toBe('failed');
  });

  test('must be so for the known reason', () => {
    const other = { verdict: 'unsupported', detail: 'tired' } as const;
    expect(expected('old', 'new-thing', other, known).verdict).toBe('failed');
  });

  test('is all that may be refused', () => {
    expect(expected('new', 'new-thing', refused, known).verdict).toBe('failed');
    expect(expected('new', 'new-thing', passed, known)).toBe(passed);
  });

  test('names runtimes and cases that are there', () => {
    const cases = readdirSync('test/runtimes/cases');
    for (const { runtime, case: name } of KNOWN_UNSUPPORTED) {
      expect(NAMES).toContain(runtime);
      expect(cases).toContain(`${name}.mjs`);
    }
  });
});
