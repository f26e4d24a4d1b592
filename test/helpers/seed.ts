/**
 * The seed of a random test: that of SHMRING_TEST_SEED where it is given, else a new one. It is
 * printed in either case, so that the run can be repeated.
 */
export function seedFor(test: string): number {
  const given = process.env.SHMRING_TEST_SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 0x7fff_ffff) : Number(given);
  if (!Number.isSafeInteger(seed)) throw new Error(`SHMRING_TEST_SEED is no integer: ${given}`);
  console.info(`${test}: seed ${seed} (repeat with SHMRING_TEST_SEED=${seed})`);
  return seed;
}

/** Numbers in [0, 1) that follow from the seed alone (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
