import { placeThread } from 'shmring';
import { expect, test } from 'vitest';
import { FRACTIONS, NUMBERS, VALUES } from '../helpers/bad-arguments.js';
import { codeOf, thrown } from '../helpers/errors.js';

const before = placeThread();

test('asking for nothing changes nothing and tells how the thread runs', () => {
  expect(before.cpus.length).toBeGreaterThan(0);
  expect(before.cpus).toEqual([...before.cpus].sort((a, b) => a - b));
  for (const nothing of [undefined, {}, { cpus: undefined, realtime: undefined }]) {
    expect(placeThread(nothing)).toEqual(before);
  }
});

test('what is returned is accepted, and undoes the call', () => {
  const cpus = before.cpus.slice(0, 1);
  expect(placeThread({ cpus })).toEqual(before);
  expect(placeThread({ cpus: before.cpus })).toEqual({ ...before, cpus });
  expect(placeThread()).toEqual(before);
});

test.each([...VALUES, ...NUMBERS, ...FRACTIONS])('%s is neither CPU nor priority', (kind, value) => {
  const wrong: unknown[] = [{ cpus: [0, value] }, { realtime: value }];
  if (kind !== 'an array') wrong.push({ cpus: value });
  for (const options of wrong) {
    expect(codeOf(() => placeThread(options as never))).toBe('INVALID_ARGUMENT');
    expect(String(thrown(() => placeThread(options as never))).length).toBeLessThan(300);
  }
  expect(placeThread()).toEqual(before);
});

test('a priority beyond the highest and a CPU beyond every machine are refused', () => {
  for (const options of [{ realtime: 100 }, { cpus: [2 ** 32] }, { cpus: [2 ** 32 - 1] }, { cpus: [] }]) {
    expect(codeOf(() => placeThread(options))).toBe('INVALID_ARGUMENT');
  }
  expect(placeThread()).toEqual(before);
});
