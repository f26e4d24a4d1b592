// Native and JavaScript next to each other in time, configuration after configuration, round after round.
import { placeMany, runJavaScriptMany } from './many.mjs';
import { probe, runNative, runNativeMany } from './native.mjs';
import { runJavaScript } from './pair.mjs';
import { watched } from './pressure.mjs';

const nothing = { result: undefined, share: 0, disturbed: false };

/** One run of each, a probe before, between and after; of JavaScript alone where there is no native run. */
export async function neighbours(runs, crowded = false) {
  const before = await probe();
  const native = runs.native ? await watched(runs.native) : nothing;
  const between = await probe();
  const js = await watched(runs.js);
  return {
    probes: [before, between, await probe()],
    // With more processes than CPUs it is their own processes that wait.
    disturbed: !crowded && (native.disturbed || js.disturbed),
    native: native.result,
    js: js.result,
    waited: [native.share, js.share],
  };
}

async function measurePair(name, runs, crowded) {
  const { js, ...pair } = await neighbours(runs, crowded);
  const { nsPerRecord, ...rest } = js;
  return { configuration: name, ...pair, js: nsPerRecord, ...rest };
}

/** `settings`: the CPUs, whether to pin, and what every run is told. */
export function measureOneProducer(configuration, { cpus, pinned, capacity, lagMicros }) {
  const placement = { capacity, lagMicros, pin: pinned && cpus.length > 1 ? cpus.slice(0, 2) : undefined };
  const runs = {
    native: configuration.nativeRecords > 0 && (() => runNative(configuration, placement)),
    js: () => runJavaScript(configuration, placement),
  };
  return measurePair(configuration.name, runs, false);
}

export function measureManyProducers(configuration, { cpus, pinned, capacity, lagMicros }) {
  const { name, producers } = configuration;
  const placement = { capacity, lagMicros, pin: pinned ? placeMany(cpus, producers) : undefined };
  const runs = {
    native: configuration.nativeRecords > 0 && (() => runNativeMany(configuration, placement)),
    js: () => runJavaScriptMany(configuration, placement),
  };
  return measurePair(name, runs, producers + 1 > cpus.length);
}

/** The figures of some pairs, one line. */
export function pairsLine(pairs) {
  const figures = pairs.map(
    (pair) => `${pair.configuration} ${pair.native.toFixed(1)} → ${pair.js.toFixed(1)}`,
  );
  const probes = pairs.flatMap((pair) => pair.probes).map((nanoseconds) => nanoseconds?.toFixed(0) ?? '-');
  return `${figures.join(', ')} ns; probes ${probes.join(' ')}`;
}
