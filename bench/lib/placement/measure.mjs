// Each option beside none, variant after variant, round after round.
import { forgetRing, ringName } from '../children.mjs';
import { runBoth } from '../latency/measure.mjs';
import { probe } from '../native.mjs';
import { runNode, startNode } from '../node.mjs';
import { runJavaScript } from '../pair.mjs';
import { watched } from '../pressure.mjs';
import { between, first, later, sleeperRun, sleepers, threadRun, threads } from './configurations.mjs';

/** Every variant once, a probe before and after each; `run` gives its figures. */
async function measureVariants(variants, run) {
  const measured = [];
  let before = await probe();
  for (const variant of variants) {
    const { result, disturbed } = await watched(() => run(variant));
    const after = await probe();
    // Where there are more programs than CPUs it is their own that wait.
    const aside = disturbed && !variant.busy && !variant.crowded;
    measured.push({ name: variant.name, probes: [before, after], disturbed: aside, figures: result });
    before = after;
  }
  return measured;
}

/** Does `work` beside a program that wants a CPU all the time: any, or those given. */
async function besideBusyProgram(work, cpus) {
  const program = startNode('busy.mjs', { cpus }, { ordinary: true });
  try {
    await program.line();
    return await work();
  } finally {
    program.end();
  }
}

/** Where and how the two sides run. */
function measureThreads({ cpus, capacity }) {
  const real = ({ cpus: wanted, ...rest }) => ({ ...rest, cpus: wanted?.map((index) => cpus[index]) });
  return measureVariants(threads, async ({ place, busy }) => {
    const [producer, consumer] = place.map(real);
    const settings = { capacity, place: { producer, consumer } };
    const run = () => runJavaScript(threadRun, settings);
    const { nsPerRecord } = await (busy ? besideBusyProgram(run) : run());
    return { ns: nsPerRecord };
  });
}

/** From a write until a sleeping consumer has the record, microseconds. */
function measureSleepers({ cpus, capacity }) {
  const [own, its] = cpus;
  return measureVariants(sleepers, async ({ realtime, busy }) => {
    const name = ringName();
    const place = { producer: { cpus: [own], realtime: 0 }, consumer: { cpus: [its], realtime } };
    const job = { name, ring: { kind: 'spsc', capacity, lifetime: 'attached' }, place, ...sleeperRun };
    const run = () => runBoth(['js-wake-producer.mjs', 'js-wake-consumer.mjs'], [name], job);
    try {
      const { wake } = await (busy ? besideBusyProgram(run, [its]) : run());
      return { p50: wake.p50 / 1000, p99: wake.p99 / 1000, most: wake.max / 1000 };
    } finally {
      forgetRing(name);
    }
  });
}

/** The ring of a variant: where there is no hugetlbfs, none that needs one. */
function ringsOf({ capacity, variants }, directory) {
  return variants
    .filter(({ hugetlbfs }) => !hugetlbfs || directory !== undefined)
    .map(({ name, options, hugetlbfs }) => ({
      name,
      ring: { kind: 'spsc', capacity, ...options, ...(hugetlbfs ? { directory } : {}) },
    }));
}

async function measurePasses(comparison, directory, pick) {
  const measured = [];
  for (const size of comparison.sizes) {
    const variants = ringsOf(comparison, directory);
    const runs = await measureVariants(variants, async ({ ring }) => {
      const { openMs, passes, hugeMiB } = await runNode('passes.mjs', {
        ring,
        size,
        passes: comparison.passes,
      });
      return { openMs, hugeMiB, ...pick(passes) };
    });
    measured.push(...runs.map((run) => ({ ...run, size })));
  }
  return measured;
}

const last = (passes) => passes.at(-1);

async function measureBetween(directory) {
  const measured = [];
  for (const configuration of between) {
    const variants = ringsOf(later, directory);
    const runs = await measureVariants(variants, async ({ ring }) => {
      const { nsPerRecord, warmUpNsPerRecord } = await runJavaScript(configuration, { ring });
      // Of both halves: what lies in so large a ring at their border was written in the first.
      return { ns: (nsPerRecord + warmUpNsPerRecord) / 2 };
    });
    measured.push(...runs.map((run) => ({ ...run, size: configuration.size })));
  }
  return measured;
}

/** `hugetlbfs`: a directory, or nothing. */
export async function measurePlacement(rounds, { hugetlbfs, ...settings }) {
  const all = { threads: [], sleepers: [], first: [], later: [], between: [] };
  for (let round = 1; round <= rounds; round++) {
    const started = performance.now();
    const add = (comparison, runs) => all[comparison].push(...runs.map((run) => ({ ...run, round })));
    if (settings.cpus.length > 1) {
      add('threads', await measureThreads(settings));
      add('sleepers', await measureSleepers(settings));
    }
    add('first', await measurePasses(first, undefined, last));
    add('later', await measurePasses(later, hugetlbfs, last));
    add('between', await measureBetween(hugetlbfs));
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`placement, round ${round} of ${rounds}: ${seconds} s`);
  }
  return all;
}
