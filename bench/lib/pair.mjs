// One JavaScript run: two fresh processes, a ring between them.
import { forgetRing, ringName } from './children.mjs';
import { runNode } from './node.mjs';

/**
 * Nanoseconds a record, timed and before, and how often the ring was full. `ring`: further options of it;
 * `place`: what each side asks of placeThread.
 */
export async function runJavaScript(
  { size, batch, jsRecords, hotPath },
  { capacity, pin, lagMicros, ring, place },
) {
  const name = ringName();
  const job = {
    name,
    ring: { kind: 'spsc', capacity, lifetime: 'attached', ...ring },
    place,
    size,
    batch,
    hotPath,
    records: jsRecords,
    // Nothing of its own unless asked for: what is measured is what a user gets.
    drainOptions: lagMicros === undefined ? undefined : { lagMicros },
  };
  // When one side fails the other would spin for ever.
  const both = new AbortController();
  const how = { signal: both.signal, ordinary: place !== undefined };
  try {
    const [{ refusals }, times] = await Promise.all([
      runNode('js-producer.mjs', job, { cpu: pin?.[0], ...how }),
      runNode('js-consumer.mjs', job, { cpu: pin?.[1], ...how }),
    ]);
    return { ...times, refusals };
  } finally {
    both.abort();
    forgetRing(name);
  }
}
