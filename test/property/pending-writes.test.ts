import fc from 'fast-check';
import { Ring } from 'shmring';
import { expect, test } from 'vitest';
import { freshName } from '../helpers/scratch.js';
import { seedFor } from '../helpers/seed.js';
import { sleep, within } from '../helpers/time.js';

type Step =
  | { kind: 'write'; byteLength: number; abortable: boolean }
  | { kind: 'drain'; limit: number }
  | { kind: 'abort'; which: number }
  | { kind: 'turn' };

type Outcome = 'pending' | 'written' | 'refused' | 'aborted';

interface Pending {
  text: string;
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
    }),
  },
  fc.record({ kind: fc.constant('drain' as const), limit: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ kind: fc.constant('abort' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('turn' as const) }),
);

async function run(schedule: Step[]): Promise<void> {
  const name = freshName();
  using ring = Ring.create(name, { kind: 'spsc', capacity: 4096 });
  const producer = ring.producer();
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
        const text = `${writes.length}`.padEnd(step.byteLength, '.');
        const aborter = new AbortController();
        const options = step.abortable ? { signal: aborter.signal } : {};
        const pending: Pending = { text, outcome: 'pending', aborter, settled: Promise.resolve() };
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
    expect(writes.map(({ outcome }) => outcome)).not.toContain('refused');
    const written = writes.filter(({ outcome }) => outcome === 'written');
    expect(seen).toEqual(written.map(({ text }) => text));
    expect(ring.stats()).toMatchObject({ written: written.length, read: written.length });
  } finally {
    Ring.unlink(name);
  }
}

test('pending writes come out in the order of their calls, and aborted ones not at all', {
  timeout: 120_000,
}, async () => {
  const seed = seedFor('pending writes');
  const property = fc.asyncProperty(fc.array(steps, { maxLength: 60, size: 'max' }), run);
  await fc.assert(property, { seed, numRuns: 60 });
});
