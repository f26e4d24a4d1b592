// What a runtime is known not to be able to do: the case must then end by saying so. When it passes
// after all, or says something else, the run fails, so that this list stays true.

/** @typedef {{ runtime: string, case: string, says: RegExp, reason: string }} Known */

/** @type {readonly Known[]} */
export const KNOWN_UNSUPPORTED = [
  {
    runtime: 'deno',
    case: 'worker-blocked',
    says: /does not end a Worker whose code is running/,
    reason:
      'Deno leaves the thread of a terminated Worker running until its code returns; as long as it runs, its slots are rightly taken',
  },
];
