import { type Child, type Message, start } from './children.js';

/** Producers that an mpsc ring has places for. */
export const MOST_PRODUCERS = 254;

/** A process with many producers, of which some hold a claim; see fixtures/crowd.mjs. */
export async function crowdAt(
  name: string,
  count: number,
  claims = 0,
): Promise<{ child: Child; said: Message }> {
  const child = start('crowd', { name, count, claims });
  return { child, said: await child.message('attached') };
}
