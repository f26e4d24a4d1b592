// One JavaScript run of several producers: a fresh process each, one ring, one consumer.
import { setMaxListeners } from 'node:events';
import { forgetRing, ringName } from './children.mjs';
import { runNode } from './node.mjs';

/**
 * A CPU for each process: the second allowed one for the consumer, as where there is one producer;
 * `undefined` where there are more processes than CPUs, which only the system can place.
 */
export function placeMany(cpus, producers) {
  if (cpus.length <= producers) return undefined;
  const [first, consumer, ...others] = cpus;
  return { consumer, producers: [first, ...others].slice(0, producers) };
}

/** Nanoseconds a record, timed and before, what each producer wrote, and how often the ring was full. */
export async function runJavaScriptMany({ producers, size, batch, jsRecords }, { capacity, pin, lagMicros }) {
  const name = ringName();
  const job = {
    name,
    ring: { kind: 'mpsc', capacity, lifetime: 'attached' },
    producers,
    size,
    batch,
    records: jsRecords,
    drainOptions: lagMicros === undefined ? undefined : { lagMicros },
  };
  // When one of them fails the others would wait for ever.
  const all = new AbortController();
  const { signal } = all;
  // A listener a process; more than ten are no leak here.
  setMaxListeners(producers + 1, signal);
  try {
    const [{ read, ...rest }, ...writers] = await Promise.all([
      runNode('js-many-consumer.mjs', job, { cpu: pin?.consumer, signal }),
      ...Array.from({ length: producers }, (_, i) =>
        runNode('js-many-producer.mjs', job, { cpu: pin?.producers[i], signal }),
      ),
    ]);
    const written = writers.map((writer) => writer.written);
    const acknowledged = written.reduce((sum, records) => sum + records);
    if (read !== acknowledged) {
      throw new Error(`${acknowledged} records were acknowledged, ${read} arrived (${producers} producers)`);
    }
    return { ...rest, written };
  } finally {
    all.abort();
    forgetRing(name);
  }
}
