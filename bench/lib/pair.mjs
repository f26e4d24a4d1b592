// One JavaScript run: two fresh processes, a ring between them.
import { forgetRing, ringName } from './children.mjs';
import { runNode } from './node.mjs';

/** Nanoseconds a record, timed and before, and how often the ring was full. */
export async function runJavaScript({ size, batch, jsRecords }, { capacity, pin, lagMicros }) {
  const name = ringName();
  const job = {
    name,
    ring: { kind: 'spsc', capacity, lifetime: 'attached' },
    size,
    batch,
    records: jsRecords,
    // Nothing of its own unless asked for: what is measured is what a user gets.
    drainOptions: lagMicros === undefined ? undefined : { lagMicros },
  };
  // When one side fails the other would spin for ever.
  const both = new AbortController();
  try {
    const [{ refusals }, times] = await Promise.all([
      runNode('js-producer.mjs', job, { cpu: pin?.[0], signal: both.signal }),
      runNode('js-consumer.mjs', job, { cpu: pin?.[1], signal: both.signal }),
    ]);
    return { ...times, refusals };
  } finally {
    both.abort();
    forgetRing(name);
  }
}
