/** Warns of a claim that stays open: in a ring of many producers it holds up everybody behind it. */

/** Turns of the event loop that a claim may stay open without a word. */
const TURNS = 2;

export class ClaimWatch {
  /** Which claim is open, counted from 1; 0 for none. */
  #open = 0;
  #claims = 0;
  #watching = false;
  #warned = false;

  opened(): void {
    this.#claims++;
    this.#open = this.#claims;
    // One look at a time, whatever the number of claims: most are closed before it.
    if (!this.#watching && !this.#warned) this.#watch(this.#open, TURNS);
  }

  closed(): void {
    this.#open = 0;
  }

  #watch(claim: number, turns: number): void {
    this.#watching = true;
    // Not unref'd: a loop that has nothing to do would sleep, and nobody be warned until it wakes.
    setImmediate(() => {
      this.#watching = false;
      if (this.#open === 0) return;
      if (this.#open !== claim) this.#watch(this.#open, TURNS);
      else if (turns > 1) this.#watch(claim, turns - 1);
      else this.#warn();
    });
  }

  #warn(): void {
    this.#warned = true;
    process.emitWarning('a claim is open since an earlier turn of the event loop', {
      type: 'ShmringWarning',
      code: 'SHMRING_CLAIM_OPEN',
      detail:
        'Every record behind it waits, those of other processes too: commit or abort it in the same turn.',
    });
  }
}
