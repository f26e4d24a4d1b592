// Round trips with both sides looking busily, and wakes of a sleeper: two fresh processes a run, native
// and JavaScript next to each other in time.
import { forgetRing, ringName, runJson, startProgram } from '../children.mjs';
import { program } from '../native.mjs';
import { runNode } from '../node.mjs';
import { neighbours } from '../rounds.mjs';

/** Runs two JavaScript programs that share a job; what they print, in one object. */
export async function runBoth(programs, names, job, pin) {
  // When one side fails the other would wait for ever.
  const both = new AbortController();
  const { signal } = both;
  try {
    const runs = programs.map((name, i) =>
      runNode(name, job, { cpu: pin?.[i], signal, ordinary: job.place !== undefined }),
    );
    return Object.assign({}, ...(await Promise.all(runs)));
  } finally {
    both.abort();
    names.forEach(forgetRing);
  }
}

function runNative(name, options, pin) {
  const args = Object.entries(options).flatMap(([option, value]) => [`--${option}`, String(value)]);
  if (pin) args.push('--pin', pin.join(','));
  return runJson(program(name), args);
}

/** `settings`: the CPUs, two at least, whether to pin, and the rings' capacity. */
export async function measureRoundTrip({ name, kind, size, trips }, { cpus, pinned, capacity }) {
  const pin = pinned ? cpus.slice(0, 2) : undefined;
  const [there, back] = [ringName(), ringName()];
  const job = { there, back, ring: { kind, capacity, lifetime: 'attached' }, size, trips };
  const pair = await neighbours({
    native: () => runNative('roundtrip', { size, trips, capacity }, pin),
    js: () => runBoth(['js-asker.mjs', 'js-answerer.mjs'], [there, back], job, pin),
  });
  return { configuration: name, ...pair };
}

export async function measureWake({ name, kind, wakes, warmUp, pauseMicros, awake }, { cpus, capacity }) {
  // Always: one CPU of a machine may take longer to wake than another.
  const pin = cpus.slice(0, 2);
  const ring = ringName();
  const job = { name: ring, ring: { kind, capacity, lifetime: 'attached' }, wakes, warmUp, pauseMicros };
  const keeper = awake ? startProgram(program('awake'), ['--cpu', String(pin[1])]) : undefined;
  try {
    await keeper?.line();
    const pair = await neighbours({
      native: () => runNative('wake', { wakes, 'warm-up': warmUp, 'pause-micros': pauseMicros }, pin),
      js: () => runBoth(['js-wake-producer.mjs', 'js-wake-consumer.mjs'], [ring], job, pin),
    });
    return { configuration: name, ...pair };
  } finally {
    keeper?.end();
  }
}

/** The medians of some pairs, one line. */
export function mediansLine(pairs) {
  const median = (run) => (run.trip ?? run.wake).p50;
  const figures = pairs.map(
    ({ configuration, native, js }) => `${configuration} ${median(native)} → ${median(js)}`,
  );
  const probes = pairs.flatMap((pair) => pair.probes).map((nanoseconds) => nanoseconds?.toFixed(0) ?? '-');
  return `${figures.join(', ')} ns; probes ${probes.join(' ')}`;
}
