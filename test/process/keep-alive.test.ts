import { describe, expect, test } from 'vitest';
import { start } from '../helpers/children.js';
import { createRing } from '../helpers/rings.js';

async function run(what: string): Promise<{ result: unknown; lastedMs: number }> {
  const { name } = createRing();
  const child = start('idle', { name, what });
  await child.message('begun');
  const began = performance.now();
  await child.message('exit');
  const lastedMs = performance.now() - began;
  await child.finished();
  const settled = await child.message('settled').catch(() => undefined);
  expect(child.complaints).toBe('');
  return { result: settled?.result, lastedMs };
}

describe('a process that has nothing left to do', () => {
  test.each(['handles', 'used', 'iterated'])('ends in spite of its open handles: %s', async (what) => {
    expect(await run(what)).toMatchObject({ result: undefined });
  });

  test.each(['wait', 'waitUnrefRef'])(
    'is kept alive by a pending wait until that is settled: %s',
    async (what) => {
      const { result, lastedMs } = await run(what);
      expect(result).toBe('ready');
      expect(lastedMs).toBeGreaterThan(600);
    },
  );

  test.each(['waitUnref', 'unrefDuringWait'])(
    "is not kept alive by a wait that is unref'd: %s",
    async (what) => {
      expect(await run(what)).toMatchObject({ result: undefined });
    },
  );

  test.each([
    ['longTimeoutThenReady', 'ready'],
    ['longTimeoutThenAbort', 'AbortError'],
    ['longTimeoutThenClose', 'RingError'],
    ['longWriteThenWritten', true],
  ])('is not kept alive by the time-out of a wait that is settled: %s', async (what, expected) => {
    expect(await run(what)).toMatchObject({ result: expected });
  });
});
