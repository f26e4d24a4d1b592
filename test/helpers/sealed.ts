import type { Consumer } from 'shmring';
import { expect } from 'vitest';
import { producerBooks } from './books.js';
import { type Checker, NO_FAULTS } from './checker.mjs';
import type { Child } from './children.js';
import { within } from './time.js';

/** A child that writes until the ring is sealed; see fixtures/producer.mjs. */
export interface SealedWriter {
  id: number;
  books: string;
  child: Child;
}

/** Reads, waiting for each record, until the stream ends. */
export async function readToTheEnd(consumer: Consumer, checker: Checker): Promise<void> {
  while ((await within(consumer.wait(), 'a record or the end')) === 'ready') {
    consumer.drain((memory, from, to, position) => checker.accept(memory, from, to, position));
  }
}

/** Each was refused by the seal, and exactly what was acknowledged to it has arrived. */
export async function expectSealedOff(writers: readonly SealedWriter[], checker: Checker): Promise<void> {
  for (const { id, books, child } of writers) {
    expect(await within(child.exited, 'the end of a writer')).toMatchObject({ code: 1 });
    expect(child.complaints).toContain('ERR_SHMRING_SEALED');
    expect(checker.next(id)).toBe(producerBooks(books).acknowledged);
  }
  expect(checker.verdict()).toEqual(NO_FAULTS);
}
