import { expect } from 'vitest';
import { producerBooks } from './books.js';
import type { Child } from './children.js';

/** A child that kept its books until it was killed; see fixtures/producer.mjs. */
export interface DeadWriter {
  id: number;
  mode?: string;
  books: string;
  child: Child;
}

/**
 * All that was acknowledged to each of the dead has arrived, and nothing that it had not begun: how much
 * that is of all of them. `next` is the sequence that would have come next of a producer.
 */
export function expectArrived(
  dead: readonly DeadWriter[],
  next: (producer: number) => number,
): { acknowledged: number; arrived: number } {
  const sum = { acknowledged: 0, arrived: 0 };
  for (const { id, mode = '', books, child } of dead) {
    const { begun, acknowledged } = producerBooks(books);
    const arrived = next(id);
    const report = `writer ${id} ${mode}: begun ${begun}, acknowledged ${acknowledged}, arrived ${arrived}`;
    expect(arrived, report).toBeGreaterThanOrEqual(acknowledged);
    expect(arrived, report).toBeLessThanOrEqual(begun);
    expect(child.complaints).toBe('');
    sum.acknowledged += acknowledged;
    sum.arrived += arrived;
  }
  return sum;
}
