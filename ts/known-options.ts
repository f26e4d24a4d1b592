/** An option that a call does not know is refused, not ignored: a misspelt time-out would wait for ever. */

import { RingError } from './errors.js';
import { describe } from './input.js';

/** Throws unless every key of `options` is one of `known`. Reads none of the values. */
export function refuseUnknown(options: object, call: string, known: readonly string[]): void {
  // Inherited ones too, since their values count too. NB: nothing is allocated, and a `writeSync` that is given
  // options with each record takes some 7 ns more than its 80, in one thread; by `Object.keys`, a Set or `includes` the
  // check itself takes a third more.
  for (const key in options) {
    if (!isKnown(key, known) && !isEverybodys(key, options)) throw unknown(key, call, known);
  }
}

function isKnown(key: string, known: readonly string[]): boolean {
  for (let i = 0; i < known.length; i++) if (known[i] === key) return true;
  return false;
}

/** Whether somebody has put it into all objects there are, and not into this one. */
function isEverybodys(key: string, options: object): boolean {
  return key in Object.prototype && !Object.hasOwn(options, key);
}

function unknown(key: string, call: string, known: readonly string[]): RingError {
  const meant = nearest(key, known);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new RingError(
    'INVALID_ARGUMENT',
    `${describe(key)} is no option of ${call}, which takes ${known.join(', ')}${hint}`,
  );
}

/** Letters that may be wrong in a name that is taken for another. */
const SLIPS = 2;

function nearest(key: string, known: readonly string[]): string | undefined {
  const typed = key.toLowerCase();
  // What is so long resembles none, and would take long to compare.
  if (typed.length > 40) return undefined;
  let best: string | undefined;
  let least = SLIPS + 1;
  for (const name of known) {
    const right = name.toLowerCase();
    // A unit that was left out, or one too many.
    const starts = typed.length > 3 && (right.startsWith(typed) || typed.startsWith(right));
    const slips = starts ? 1 : distance(typed, right);
    if (slips < least) [best, least] = [name, slips];
  }
  return best;
}

/** How many letters must be put in, left out or changed to make one word of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
