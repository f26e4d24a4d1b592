import { describe, expect, test } from 'vitest';
import { consumerBooks, type Handled, producerBooks } from '../helpers/books.js';
import { type Child, start } from '../helpers/children.js';
import { Joined } from '../helpers/joined.js';
import { eachKind } from '../helpers/kinds.js';
import { scratchFile } from '../helpers/scratch.js';
import { randomFrom, seedFor } from '../helpers/seed.js';
import { sleep } from '../helpers/time.js';

eachKind(({ kind, span, createRing }) => {
  const KILLS = 40;
  const CAPACITY = 65_536;
  const LONGEST = 1024;
  const MODES = ['drainSync', 'drain', 'peek'];

  /** Bytes of ring space that a successor may see again: an eighth, or what one record more takes. */
  const REPEATED_AT_MOST = CAPACITY / 8 + span(LONGEST);

  describe('consumers killed at random moments, each followed by a successor', () => {
    test('lose nothing and repeat at most an eighth of the ring, which positions tell', {
      timeout: 120_000,
    }, async () => {
      const random = randomFrom(seedFor('consumers killed'));
      const { name } = createRing({ capacity: CAPACITY });
      const writerBooks = scratchFile('books');
      const producer = start('producer', { name, longest: LONGEST, books: writerBooks });
      await producer.message('attached');
      const endOf = ({ position, byteLength }: Handled): number => position * 8 + span(byteLength);
      const joined = new Joined(endOf, REPEATED_AT_MOST);
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
        expect(done.stats).toMatchObject({ recordsWaiting: 0, producers: 0, consumers: 1 });
        expect(done.stats.abandoned).toBeLessThanOrEqual(kind === 'mpsc' ? 1 : 0);
        await child.finished();
      });
      const { begun, acknowledged } = producerBooks(writerBooks);
      expect(joined.next(1)).toBeGreaterThanOrEqual(acknowledged);
      expect(joined.next(1)).toBeLessThanOrEqual(begun);
      expect(acknowledged).toBeGreaterThan(KILLS * 100);
      // Otherwise none was killed between handling and releasing, and nothing has been tried.
      expect(overlapping).toBeGreaterThan(0);
    });
  });
});
