import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines } from '../../dist/deadlines.js';
import { seedFor } from '../helpers/seed.js';

/** A deadline, and how often it was looked at. */
class Timed {
  place = -1;
  looks = 0;
  readonly #deadline: number;

  constructor(deadline: number) {
    this.#deadline = deadline;
  }

  get deadline(): number {
    this.looks += 1;
    return this.#deadline;
  }
}

type Step = { kind: 'add'; deadline: number } | { kind: 'delete'; which: number } | { kind: 'pop' };

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), deadline: fc.nat(50) }) },
  fc.record({ kind: fc.constant('delete' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('pop' as const) }),
);

test('the nearest deadline is always the first, whoever came and left in whatever order', () => {
  const seed = seedFor('deadlines');
  const property = fc.property(fc.array(steps, { maxLength: 300, size: 'max' }), (schedule) => {
    const deadlines = new Deadlines<Timed>();
    const all: Timed[] = [];
    for (const step of schedule) {
      if (step.kind === 'add') {
        const timed = new Timed(step.deadline);
        all.push(timed);
        deadlines.add(timed);
      } else if (all.length > 0) {
        const { first } = deadlines;
        const which = step.kind === 'pop' ? all.indexOf(first as Timed) : step.which % all.length;
        const [gone] = all.splice(which, 1) as [Timed];
        deadlines.delete(gone);
        expect(gone.place).toBe(-1);
        // Once more, which is nothing.
        deadlines.delete(gone);
      }
      const nearest = Math.min(...all.map(({ deadline }) => deadline));
      expect(deadlines.first?.deadline ?? Number.POSITIVE_INFINITY).toBe(nearest);
    }
  });
  fc.assert(property, { seed, numRuns: 300 });
});

test('one of a hundred thousand comes and leaves with a few looks at others', () => {
  const deadlines = new Deadlines<Timed>();
  const all = Array.from({ length: 100_000 }, (_, i) => new Timed((i * 7919) % 100_003));
  for (const timed of all) deadlines.add(timed);
  const looks = () => all.reduce((sum, timed) => sum + timed.looks, 0);
  let before = looks();
  // Each look at a heap of 17 levels compares two a level, once down and once up.
  for (const timed of all.filter((_, i) => i % 1000 === 0)) {
    deadlines.delete(timed);
    expect(looks() - before).toBeLessThan(150);
    before = looks();
    deadlines.add(timed);
    before = looks();
  }
});
