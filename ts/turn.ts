/**
 * Which turn this is. A turn is what runs without a break until the stack is empty; what belongs to one run of code
 * does not outlive it. `finally` does not say so: where the engine stops a thread (out of time in `node:vm`, at the
 * request of an inspector) it runs no code on the way out.
 */

let turn = 1;
/** Whether the end of this turn will be noticed. */
let watched = false;

const settled = Promise.resolve();

function next(): void {
  watched = false;
  turn = (turn % 0x3fff_ffff) + 1;
}

/** The number of this turn, above 0. It costs a comparison, and once a turn a promise. */
export function thisTurn(): number {
  if (!watched) watch();
  return turn;
}

function watch(): void {
  // No timer, and no immediate: what the event loop runs next may come before those.
  settled.then(next);
  watched = true;
}

/** Calls `action` when this turn is over. */
export function afterThisTurn(action: () => void): void {
  settled.then(action);
}

/**
 * To be called by who finds that something of this turn is in its way. An engine that was stopped among the
 * promises forgets those that were to come: then the turn never ends by itself.
 */
export function endTurnAnyway(): void {
  setImmediate(next).unref();
}
