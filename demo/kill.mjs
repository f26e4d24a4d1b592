// Kills a sender with SIGKILL in mid-stream, sees what arrived, and lets a successor go on.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Ring } from 'shmring';
import { PeerError } from './peer.mjs';
import { Tally } from './tally.mjs';

/** Sent by the last sender, which is not killed. */
const LAST_RECORDS = 100_000;
/** A sender is killed at a random moment between these, counted from its first record. */
const SOONEST_MS = 100;
const LATEST_MS = 600;
/** So long the thread is kept; then the event loop has a turn, for signals and the end of children. */
const SLICE_MS = 10;
/** No step takes so long unless something is broken. */
const PATIENCE_MS = 20_000;

/**
 * @typedef {object} Kill
 * @property {number} afterMs from the sender's first record to its end
 * @property {number} acknowledged of all records so far, as the senders noted it
 * @property {number} delivered of all records so far, before the successor began
 * @property {number} lost
 * @property {number} resumedMs from the kill to the successor's first record
 * @property {number} startMs the part of that from the start of the successor's process on
 * @typedef {{ tally: Tally, acknowledged: number, lost: number }} Outcome
 */

/**
 * @param {import('./scope.mjs').Scope} scope
 * @param {number} kills
 * @param {(kill: Kill) => void} onKill
 * @returns {Promise<Outcome>}
 */
export async function killSenders(scope, kills, onKill) {
  const stream = openStream(scope);
  const { tally } = stream;
  let sender = stream.startSender(Number.MAX_SAFE_INTEGER);
  await stream.receiveUntil(() => tally.next > 0, sender);

  for (let round = 1; round <= kills; round += 1) {
    const firstAt = performance.now();
    const due = firstAt + SOONEST_MS + Math.random() * (LATEST_MS - SOONEST_MS);
    await stream.receiveUntil(() => performance.now() >= due, sender);

    const killedAt = performance.now();
    sender.kill('SIGKILL');
    await stream.receiveUntil(() => sender.signalCode !== null);
    stream.receiveRest();
    const acknowledged = stream.acknowledged();
    const { delivered } = tally;
    const lost = tally.lost(acknowledged);

    // It goes on where the delivered records end: no sooner, for none may come twice.
    const from = tally.next;
    const startedAt = performance.now();
    const successor = stream.startSender(round < kills ? Number.MAX_SAFE_INTEGER : from + LAST_RECORDS);
    await stream.receiveUntil(() => tally.next > from, successor);
    const resumedAt = performance.now();

    onKill({
      ...{ acknowledged, delivered, lost },
      afterMs: killedAt - firstAt,
      resumedMs: resumedAt - killedAt,
      startMs: resumedAt - startedAt,
    });
    sender = successor;
  }

  await stream.receiveUntil(() => sender.exitCode !== null || sender.signalCode !== null);
  if (sender.exitCode !== 0) throw new PeerError('The last sender failed.');
  stream.receiveRest();
  stream.close();
  const acknowledged = stream.acknowledged();
  return { tally, acknowledged, lost: tally.lost(acknowledged) };
}

/** @param {import('./scope.mjs').Scope} scope */
function openStream(scope) {
  const file = join(scope.folder, 'acknowledged');
  writeFileSync(file, Buffer.alloc(4));
  const ring = Ring.temporary({ kind: 'spsc' });
  scope.defer(() => Ring.unlink(ring.name));
  const consumer = ring.consumer({ label: 'demo receiver' });
  const tally = new Tally();
  const take = (/** @type {Buffer} */ memory, /** @type {number} */ start, /** @type {number} */ end) => {
    tally.take(memory, start, end);
  };

  return {
    tally,
    acknowledged: () => readFileSync(file).readUInt32LE(0),
    close: () => ring.close(),

    /** @param {number} until the sender ends before this number */
    startSender: (until) =>
      scope.start('./victim.mjs', [ring.name, `${tally.next}`, `${until}`, file], 'inherit'),

    /**
     * @param {() => boolean} done
     * @param {import('node:child_process').ChildProcess} [alive] who must not end meanwhile
     */
    receiveUntil: async (done, alive) => {
      const deadline = performance.now() + PATIENCE_MS;
      while (!done()) {
        if (alive && (alive.exitCode !== null || alive.signalCode !== null)) {
          throw new PeerError(`The sender ended by itself (${alive.signalCode ?? alive.exitCode}).`);
        }
        if (performance.now() > deadline) throw new PeerError(`Nothing came for ${PATIENCE_MS / 1000} s.`);
        consumer.drainSync(take, { timeoutMs: SLICE_MS });
        await turn();
      }
    },

    /** Takes what is there, of a sender that is no more. */
    receiveRest: () => {
      while (consumer.drain(take) > 0);
    },
  };
}
