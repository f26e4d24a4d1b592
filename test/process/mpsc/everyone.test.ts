import type { Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { consumerBooks, type Handled } from '../../helpers/books.js';
import { Checker } from '../../helpers/checker.mjs';
import { type Child, start } from '../../helpers/children.js';
import { type DeadWriter, expectArrived } from '../../helpers/dead.js';
import { Joined } from '../../helpers/joined.js';
import { MPSC } from '../../helpers/kinds.js';
import { flawOf, producerOf, sequenceOf } from '../../helpers/record.mjs';
import { scratchFile } from '../../helpers/scratch.js';
import { expectSealedOff, readToTheEnd } from '../../helpers/sealed.js';
import { randomFrom, seedFor } from '../../helpers/seed.js';
import { PATIENCE_MS, sleep, within } from '../../helpers/time.js';

const { createRing, capacity, span } = MPSC;
const LONGEST = 1024;
const WRITES = ['sync', 'try', 'claim', 'batch'];
const READS = ['drainSync', 'drain', 'peek'];

interface Reader {
  mode: string;
  books: string;
  child: Child;
}

/** The processes at one ring, and what they put down before they died. */
class Company {
  readonly dead: DeadWriter[] = [];
  readonly joined = new Joined(
    ({ position, byteLength }) => position * 8 + span(byteLength),
    // A record of a shortened claim takes up to 50 bytes more than its length tells.
    capacity / 8 + span(LONGEST + 50),
  );
  #writers = 0;
  #readers = 0;

  constructor(readonly ring: Ring) {}

  async writer(): Promise<DeadWriter> {
    this.#writers += 1;
    const [id, mode, books] = [this.#writers, WRITES[this.#writers % WRITES.length], scratchFile('books')];
    const child = start('producer', { name: this.ring.name, producer: id, mode, books, longest: LONGEST });
    await child.message('attached');
    return { id, books, child };
  }

  /** A standby, blocking its thread or not. */
  async reader(): Promise<Reader> {
    this.#readers += 1;
    const mode = READS[this.#readers % READS.length] as string;
    const standby = this.#readers % 2 === 0 ? 'sync' : 'async';
    const books = scratchFile('books');
    const child = start('consumer', { name: this.ring.name, mode, books, standby, endWhen: 'no-producers' });
    await child.message('stands by');
    return { mode, books, child };
  }

  /** Adds what a consumer had handled when it ended. */
  add({ mode, books, child }: Reader): void {
    expect(child.complaints).toBe('');
    this.joined.add(consumerBooks(books), mode);
  }

  /** Reads what is left until the stream ends. */
  readRest(): void {
    const consumer = this.ring.consumer({ endWhen: 'no-producers' });
    const handled: Handled[] = [];
    while (consumer.waitSync({ timeoutMs: PATIENCE_MS }) === 'ready') {
      consumer.drain((memory, from, to, position) => {
        handled.push({
          position,
          producer: producerOf(memory, from),
          sequence: sequenceOf(memory, from),
          byteLength: flawOf(memory, from, to) === undefined ? to - from : -1,
        });
      });
    }
    expect(consumer.ended).toBe('producer-died');
    this.joined.add(handled, 'the late consumer');
    consumer.close();
  }

  /** Everything that was acknowledged was handled, nothing that was not begun; the counters agree. */
  check(): void {
    const { acknowledged, arrived } = expectArrived(this.dead, (id) => this.joined.next(id));
    expect(acknowledged).toBeGreaterThan(0);
    const { records } = this.joined;
    expect(records).toBe(arrived);
    const stats = this.ring.stats();
    expect(stats).toMatchObject({ written: records, read: records, recordsWaiting: 0, producers: 0 });
    expect(stats.abandoned).toBeLessThanOrEqual(this.dead.length);
  }
}

describe('waves of producers and of consumers killed, with a standby for each consumer', () => {
  test('lose nothing acknowledged, tear nothing, and repeat at most an eighth of the ring', {
    timeout: 180_000,
  }, async () => {
    const KILLS = 24;
    const random = randomFrom(seedFor('waves of everyone'));
    const company = new Company(createRing());
    const writers = await Promise.all([1, 2, 3].map(() => company.writer()));
    let [living, standby] = [await company.reader(), undefined as Reader | undefined];
    await living.child.message('attached');
    let takeOvers = 0;
    for (let kills = 0; kills < KILLS; kills += 1) {
      standby ??= await company.reader();
      await sleep(random() * 30);
      if (random() < 0.5) {
        await living.child.murder();
        company.add(living);
        [living, standby] = [standby, undefined];
        await living.child.message('attached');
        takeOvers += 1;
      } else {
        const chosen = Math.floor(random() * writers.length);
        const dying = writers[chosen] as DeadWriter;
        const [next] = await Promise.all([company.writer(), dying.child.murder()]);
        company.dead.push(dying);
        writers[chosen] = next;
      }
    }
    for (const writer of writers) {
      await writer.child.murder();
      company.dead.push(writer);
    }
    const done = await living.child.message('done');
    expect(done).toMatchObject({ ended: 'producer-died', stats: { recordsWaiting: 0, bytesWaiting: 0 } });
    await living.child.finished();
    company.add(living);
    company.check();
    expect(takeOvers).toBeGreaterThan(0);
  });
});

describe('everyone killed at once', () => {
  test('leaves what was committed to a late attach, whatever each of them was doing', {
    timeout: 120_000,
  }, async () => {
    const random = randomFrom(seedFor('everyone killed at once'));
    const company = new Company(createRing());
    for (let round = 0; round < 4; round += 1) {
      const writers = await Promise.all([1, 2, 3].map(() => company.writer()));
      const [living, standby] = [await company.reader(), await company.reader()];
      await Promise.race([living, standby].map(({ child }) => child.message('attached').catch(() => {})));
      await sleep(random() * 40);
      const everyone = [...writers, living, standby];
      for (const { child } of everyone) child.kill('SIGKILL');
      await Promise.all(everyone.map(({ child }) => within(child.exited, 'the end of everyone')));
      company.dead.push(...writers);
      // Whoever of the two had the role: the other has handled nothing, or only what came afterwards.
      const books = [living, standby].map((reader) => ({ reader, handled: consumerBooks(reader.books) }));
      const positionOf = ({ handled }: { handled: Handled[] }): number => handled[0]?.position ?? 0;
      for (const { reader } of books.sort((a, b) => positionOf(a) - positionOf(b))) company.add(reader);
      expect(company.ring.stats()).toMatchObject({ producers: 0, consumers: 0 });
      company.readRest();
      company.check();
      company.ring.recover();
      expect(company.ring.owners()).toEqual([]);
    }
  });
});

describe('producers stopped and continued at random while others write', () => {
  test('are robbed of nothing: every record of each comes once, whole and in order', {
    timeout: 120_000,
  }, async () => {
    const STOPS = 25;
    const random = randomFrom(seedFor('producers stopped'));
    const ring = createRing();
    const consumer = ring.consumer();
    const checker = new Checker();
    const company = new Company(ring);
    const writers = await Promise.all(WRITES.map(() => company.writer()));
    const stopping = (async () => {
      for (let stops = 0; stops < STOPS; stops += 1) {
        const { child } = writers[Math.floor(random() * writers.length)] as DeadWriter;
        child.kill('SIGSTOP');
        await sleep(random() * 60);
        ring.recover();
        child.kill('SIGCONT');
        await sleep(random() * 10);
      }
      ring.seal();
    })();
    await readToTheEnd(consumer, checker);
    await stopping;
    expect(consumer.ended).toBe('sealed');
    await expectSealedOff(writers, checker);
    const { records } = checker;
    expect(ring.stats()).toMatchObject({ written: records, read: records, abandoned: 0, bytesWaiting: 0 });
  });
});
