// One JavaScript run: two fresh processes, a ring between them.
import { fileURLToPath } from 'node:url';
import { forgetRing, ringName, runJson } from './children.mjs';

const script = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Runs a script under Node, on one CPU when asked for. */
function runNode(name, job, cpu, signal) {
  const command = [process.execPath, script(name), JSON.stringify(job)];
  if (cpu !== undefined) command.unshift('taskset', '--cpu-list', String(cpu));
  return runJson(command[0], command.slice(1), { signal });
}

/** Nanoseconds a record, and how often the ring was full. */
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
    const [{ refusals }, { nsPerRecord }] = await Promise.all([
      runNode('js-producer.mjs', job, pin?.[0], both.signal),
      runNode('js-consumer.mjs', job, pin?.[1], both.signal),
    ]);
    return { nsPerRecord, refusals };
  } finally {
    both.abort();
    forgetRing(name);
  }
}
