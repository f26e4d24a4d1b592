import { describe, expect, test } from 'vitest';
import { consumerBooks, type Handled, producerBooks } from '../helpers/books.js';
import { type Child, start } from '../helpers/children.js';
import { eachKind } from '../helpers/kinds.js';
import { scratchFile } from '../helpers/scratch.js';
import { randomFrom, seedFor } from '../helpers/seed.js';
import { sleep } from '../helpers/time.js';

eachKind(({ span, createRing }) => {
  const KILLS = 40;
  const CAPACITY = 65_536;
  const LONGEST = 1024;
  const MODES = ['drainSync', 'drain', 'peek'];

  /** Bytes of ring space that a successor may see again: an eighth, or what one record more takes. */
  const REPEATED_AT_MOST = CAPACITY / 8 + span(LONGEST);

  const endOf = ({ position, byteLength }: Handled): number => position * 8 + span(byteLength);

  /** Joins what the consumers handled one after the other, dropping repeats by their position. */
  class Joined {
    next = 0;
    repeats = 0;
    #last: Handled | undefined;
    readonly #sequenceAt = new Map<number, number>();

    add(handled: Handled[], who: string): void {
      const [first] = handled;
      const before = this.#last;
      if (first !== undefined && before !== undefined && first.position <= before.position) {
        const repeated = endOf(before) - first.position * 8;
        expect(repeated, `${who} repeats ${repeated} bytes`).toBeLessThanOrEqual(REPEATED_AT_MOST);
      }
      let lastPosition = -1;
      for (const record of handled) {
        const text = `${who}: ${JSON.stringify(record)} after ${JSON.stringify(this.#last)}`;
        if (record.byteLength < 0) throw new Error(`torn: ${text}`);
        if (record.position <= lastPosition) throw new Error(`positions do not grow: ${text}`);
        lastPosition = record.position;
        if (before !== undefined && record.position <= before.position) {
          if (this.#sequenceAt.get(record.position) !== record.sequence) throw new Error(`another: ${text}`);
          this.repeats += 1;
          continue;
        }
        if (record.sequence !== this.next) throw new Error(`${this.next} is missing: ${text}`);
        this.next += 1;
        this.#last = record;
        this.#sequenceAt.set(record.position, record.sequence);
      }
    }
  }

  describe('consumers killed at random moments, each followed by a successor', () => {
    test('lose nothing and repeat at most an eighth of the ring, which positions tell', {
      timeout: 120_000,
    }, async () => {
      const random = randomFrom(seedFor('consumers killed'));
      const { name } = createRing({ capacity: CAPACITY });
      const writerBooks = scratchFile('books');
      const producer = start('producer', { name, longest: LONGEST, books: writerBooks });
      await producer.message('attached');
      const joined = new Joined();
      let overlapping = 0;

      const follow = async (mode: string, end: (child: Child) => Promise<void>): Promise<void> => {
        const books = scratchFile('books');
        const child = start('consumer', { name, mode, books, endWhen: 'no-producers' });
        await child.message('attached');
        await end(child);
        expect(child.complaints).toBe('');
        const before = joined.repeats;
        joined.add(consumerBooks(books), mode);
        if (joined.repeats > before) overlapping += 1;
      };

      for (let i = 0; i < KILLS; i += 1) {
        await follow(MODES[i % MODES.length] as string, async (child) => {
          await sleep(random() * 40);
          await child.murder();
        });
      }
      await producer.murder();
      await follow('drainSync', async (child) => {
        const done = await child.message('done');
        expect(done.ended).toBe('producer-died');
        expect(done.stats).toMatchObject({ recordsWaiting: 0, abandoned: 0, producers: 0, consumers: 1 });
        await child.finished();
      });
      const { begun, acknowledged } = producerBooks(writerBooks);
      expect(joined.next).toBeGreaterThanOrEqual(acknowledged);
      expect(joined.next).toBeLessThanOrEqual(begun);
      expect(acknowledged).toBeGreaterThan(KILLS * 100);
      // Otherwise none was killed between handling and releasing, and nothing has been tried.
      expect(overlapping).toBeGreaterThan(0);
    });
  });
});
