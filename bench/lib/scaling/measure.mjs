// Every configuration of some parts once a round, native beside JavaScript.
import { measureManyProducers, measureOneProducer } from '../rounds.mjs';
import { CAPACITY_OF_SIZES, scaling } from './configurations.mjs';

/** Bytes of the largest record of the ring for all sizes, by kind: an `mpsc` ring's is less than 1 MiB. */
async function largestRecords() {
  const { Ring } = await import('../../../dist/index.js');
  const largest = {};
  for (const kind of ['spsc', 'mpsc']) {
    const ring = Ring.temporary({ kind, capacity: CAPACITY_OF_SIZES });
    largest[kind] = ring.maxRecord;
    ring.close();
  }
  return largest;
}

/** The configurations of these parts. */
async function configurationsOf(parts) {
  const largest = await largestRecords();
  return parts
    .flatMap((part) => scaling[part])
    .map((wanted) => ({ ...wanted, size: Math.min(wanted.size, largest[wanted.kind]) }));
}

/** Pairs, each with the configuration that it is of. */
export async function measureScaling(parts, rounds, settings) {
  const configurations = await configurationsOf(parts);
  const pairs = [];
  for (let round = 1; round <= rounds; round++) {
    const started = performance.now();
    for (const configuration of configurations) {
      const { kind, capacity } = configuration;
      const measure = kind === 'spsc' ? measureOneProducer : measureManyProducers;
      pairs.push({ ...configuration, ...(await measure(configuration, { ...settings, capacity })) });
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`round ${round} of ${rounds}: ${configurations.length} configurations in ${seconds} s`);
  }
  return pairs;
}
