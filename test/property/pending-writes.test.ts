import fc from 'fast-check';
import { Ring } from 'shmring';
import { expect, test } from 'vitest';
import { freshName } from '../helpers/scratch.js';
import { seedFor } from '../helpers/seed.js';
import { sleep, within } from '../helpers/time.js';

type Step =
  | { kind: 'write'; byteLength: number; abortable: boolean; timeoutMs: number }
  | { kind: 'writeSync'; byteLength: number }
  | { kind: 'drain'; limit: number }
  | { kind: 'abort'; which: number }
  | { kind: 'turn' };

type Outcome = 'pending' | 'written' | 'refused' | 'aborted';

interface Pending {
  text: string;
  /** Whether it may be refused: it had no time, or too many waited already. */
  hasty: boolean;
  outcome: Outcome;
  aborter: AbortController;
  settled: Promise<void>;
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      byteLength: fc.oneof(fc.integer({ min: 4, max: 200 }), fc.integer({ min: 4, max: 4088 })),
      abortable: fc.boolean(),
      timeoutMs: fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 2, 0),
    }),
  },
  fc.record({ kind: fc.constant('writeSync' as const), byteLength: fc.integer({ min: 4, max: 500 }) }),
  fc.record({ kind: fc.constant('drain' as const), limit: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ kind: fc.constant('abort' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('turn' as const) }),
);

const limits = fc.constantFrom(
  { maxRecords: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY },
  { maxRecords: 4, maxBytes: Number.POSITIVE_INFINITY },
  { maxRecords: Number.POSITIVE_INFINITY, maxBytes: 5000 },
);

async function run(
  kind: 'spsc' | 'mpsc',
  pendingLimits: { maxRecords: number; maxBytes: number },
  schedule: Step[],
): Promise<void> {
  const name = freshName();
  // So that a few records fill either.
  const scale = kind === 'spsc' ? 1 : 8;
  using ring = Ring.create(name, { kind, capacity: kind === 'spsc' ? 4096 : 65_536 });
  const producer = ring.producer({ pending: pendingLimits });
  const consumer = ring.consumer();
  const writes: Pending[] = [];
  const seen: string[] = [];
  const drain = (limit?: number): number =>
    consumer.drain((memory, start, end) => {
      seen.push(memory.toString('latin1', start, end));
    }, limit ?? Number.POSITIVE_INFINITY);
  try {
    for (const step of schedule) {
      if (step.kind === 'write') {
        const text = `${writes.length}`.padEnd(scale * step.byteLength, '.');
        const aborter = new AbortController();
        const { timeoutMs } = step;
        const options = step.abortable ? { timeoutMs, signal: aborter.signal } : { timeoutMs };
        const { records, bytes } = producer.pending;
        const { maxRecords, maxBytes } = pendingLimits;
        const isOver = records > 0 && (records >= maxRecords || bytes + text.length > maxBytes);
        const hasty = isOver || timeoutMs < 10;
        const settled = Promise.resolve();
        const pending: Pending = { text, hasty, outcome: 'pending', aborter, settled };
        pending.settled = producer.write(text, options).then(
          (written) => {
            pending.outcome = written ? 'written' : 'refused';
          },
          (error: Error) => {
            if (error.name !== 'AbortError' || !step.abortable) throw error;
            pending.outcome = 'aborted';
          },
        );
        writes.push(pending);
        const now = producer.pending;
        expect(now.records).toBeLessThanOrEqual(maxRecords);
        if (now.records > 1) expect(now.bytes).toBeLessThanOrEqual(maxBytes);
        if (isOver) expect(now).toEqual({ records, bytes });
      } else if (step.kind === 'writeSync') {
        const text = `${writes.length}`.padEnd(scale * step.byteLength, '.');
        const outcome = producer.writeSync(text, { timeoutMs: 0 }) ? 'written' : 'refused';
        // Nothing overtakes.
        if (outcome === 'written') expect(producer.pending.records).toBe(0);
        const [aborter, settled] = [new AbortController(), Promise.resolve()];
        writes.push({ text, hasty: true, outcome, aborter, settled });
      } else if (step.kind === 'drain') drain(step.limit);
      else if (step.kind === 'abort') writes[step.which % writes.length]?.aborter.abort();
      else await sleep(0);
    }
    const settled = Promise.all(writes.map((pending) => pending.settled));
    const drainer = (async () => {
      while (writes.some(({ outcome }) => outcome === 'pending')) {
        drain();
        await sleep(1);
      }
    })();
    await within(Promise.all([settled, drainer]), 'the last pending write');
    drain();
    expect(writes.filter(({ hasty, outcome }) => outcome === 'refused' && !hasty)).toEqual([]);
    expect(producer.pending).toEqual({ records: 0, bytes: 0 });
    const written = writes.filter(({ outcome }) => outcome === 'written');
    expect(seen).toEqual(written.map(({ text }) => text));
    expect(ring.stats()).toMatchObject({ written: written.length, read: written.length });
  } finally {
    Ring.unlink(name);
  }
}

test('pending writes come out in the order of their calls, and what was refused or aborted not at all', {
  timeout: 120_000,
}, async () => {
  const seed = seedFor('pending writes');
  const kinds = fc.constantFrom('spsc' as const, 'mpsc' as const);
  const schedules = fc.array(steps, { maxLength: 60, size: 'max' });
  await fc.assert(fc.asyncProperty(kinds, limits, schedules, run), { seed, numRuns: 150 });
});
