import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Actor, actorAt } from '../../helpers/actor.js';
import { MPSC } from '../../helpers/kinds.js';
import { drainStrings, fillUp } from '../../helpers/rings.js';
import { PATIENCE_MS, sleep, until } from '../../helpers/time.js';

const { createRing } = MPSC;
const NOTHING = { slotsFreed: 0, recordsAbandoned: 0, bytesAbandoned: 0 };
/** Longer than any time after which the code does something else: a hole is looked at less often after 10 s. */
const STOPPED_MS = 11_000;

async function stop({ child, pid }: Actor): Promise<void> {
  child.kill('SIGSTOP');
  const state = (): string | undefined => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
  await until(() => state() === 'T', 'the stop');
}

describe('a producer that is stopped inside a claim', () => {
  test(`for ${STOPPED_MS / 1000} s is robbed by nobody, is named by everybody, and goes on in order`, async () => {
    const ring = createRing();
    const consumer = ring.consumer({ endWhen: 'no-producers' });
    const stopped = await actorAt(ring.name, 'producer');
    await stopped.do('write', { records: ['before'] });
    await stopped.do('claim', { text: 'in the middle', byteLength: 13 });
    const claimedBefore = performance.now();
    const other = ring.producer({ label: 'other' });
    expect(other.tryWrite('behind')).toBe(true);
    // Two who sleep for all that time without looking up: one for a record, one for room.
    const sleeper = await actorAt(ring.name, 'producer');
    await stop(stopped);
    const count = fillUp(other);
    await sleeper.begin('writeSync', { record: 'after all' });
    expect(consumer.tryRead()?.toString()).toBe('before');

    let looks = 0;
    for (const resumeAt = performance.now() + STOPPED_MS; performance.now() < resumeAt; looks += 1) {
      expect(ring.recover()).toEqual(NOTHING);
      const waited = performance.now() - claimedBefore;
      const { ageMs, ...who } = consumer.blockedBy ?? { ageMs: -1 };
      expect(who).toEqual({ slot: 1, pid: stopped.pid, label: 'actor', alive: true });
      expect(ageMs).toBeGreaterThanOrEqual(waited - 1);
      expect(ring.owners().find(({ pid }) => pid === stopped.pid)).toMatchObject({
        alive: true,
        written: 1,
        holds: { position: consumer.position, byteLength: 13 },
      });
      // Nobody gets the slot, others come and go.
      const passing = ring.producer();
      expect(passing.tryWrite('x'.repeat(1000))).toBe(false);
      passing.close();
      expect(consumer.tryRead()).toBeUndefined();
      expect(consumer.waitSync({ timeoutMs: 400 })).toBe('timeout');
      expect(await consumer.wait({ timeoutMs: 100 })).toBe('timeout');
      expect(consumer.ended).toBe(false);
    }
    expect(looks).toBeGreaterThan(1);

    stopped.child.kill('SIGCONT');
    expect(await stopped.do('commit')).not.toHaveProperty('code');
    expect(consumer.waitSync({ timeoutMs: PATIENCE_MS })).toBe('ready');
    const seen = drainStrings(consumer);
    expect(await sleeper.result()).toMatchObject({ written: true });
    seen.push(...drainStrings(consumer));
    expect(seen.slice(0, 2)).toEqual(['in the middle', 'behind']);
    expect(seen).toHaveLength(count + 3);
    expect(seen.at(-1)).toBe('after all');
    expect(consumer.blockedBy).toBeUndefined();
    expect(ring.stats()).toMatchObject({ written: count + 4, read: count + 4, abandoned: 0, aborted: 0 });
    await stopped.do('write', { records: ['as ever'] });
    expect(drainStrings(consumer)).toEqual(['as ever']);
  });

  test('and killed there is dead at once, however long it was stopped', async () => {
    const ring = createRing();
    const consumer = ring.consumer();
    const stopped = await actorAt(ring.name, 'producer');
    await stopped.do('claim', { text: 'never' });
    await stop(stopped);
    ring.producer().tryWrite('behind');
    await sleep(200);
    expect(consumer.waitSync({ timeoutMs: 50 })).toBe('timeout');
    await stopped.child.murder();
    expect(consumer.waitSync({ timeoutMs: PATIENCE_MS })).toBe('ready');
    expect(drainStrings(consumer)).toEqual(['behind']);
    expect(ring.stats().abandoned).toBe(1);
  });
});
