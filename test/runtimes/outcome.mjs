// What became of one test: what a program's end says, held against what is known of its runtime.
import { KNOWN_UNSUPPORTED } from './unsupported.mjs';

/** The exit code of a case that ends with a line `UNSUPPORTED: why`. */
export const UNSUPPORTED_STATUS = 77;

/**
 * @typedef {object} Outcome
 * @property {'passed' | 'unsupported' | 'failed'} verdict
 * @property {string} [detail] why it is not plainly passed
 *
 * @typedef {object} End how a program ended
 * @property {number | null} code
 * @property {string | null} signal
 * @property {boolean} late whether it was killed for taking too long
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * @param {End} end
 * @returns {Outcome} without regard to what is known
 */
export function outcomeOf({ code, signal, late, stdout, stderr }) {
  const said = [stdout, stderr].map((text) => text.trim()).filter((text) => text !== '');
  /** @param {string} how @returns {Outcome} */
  const failed = (how) => ({ verdict: 'failed', detail: [how, ...said].join('\n') });
  if (late) return failed('did not end in time');
  if (signal !== null) return failed(`was ended by ${signal}`);
  // A warning of a runtime, of a deprecation say, is a defect too.
  if (code === 0) return stderr.trim() === '' ? { verdict: 'passed' } : failed('passed, but complained');
  const why = code === UNSUPPORTED_STATUS ? /^UNSUPPORTED: (.+)$/m : /^(?:Uncaught )?RingError: (.+)$/m;
  const named = code === UNSUPPORTED_STATUS || stderr.includes('ERR_SHMRING_UNSUPPORTED');
  const [, sentence] = (named && why.exec(`${stdout}\n${stderr}`)) || [];
  if (sentence !== undefined) return { verdict: 'unsupported', detail: sentence };
  return failed(`ended with exit code ${code}`);
}

/**
 * @param {string} runtime
 * @param {string} name of the case
 * @param {Outcome} outcome
 * @param {typeof KNOWN_UNSUPPORTED} [known]
 * @returns {Outcome} failed where the outcome is not the known one
 */
export function expected(runtime, name, outcome, known = KNOWN_UNSUPPORTED) {
  const entry = known.find((one) => one.runtime === runtime && one.case === name);
  if (outcome.verdict === 'failed') return outcome;
  if (entry === undefined) {
    if (outcome.verdict === 'passed') return outcome;
    return { verdict: 'failed', detail: `UNSUPPORTED, which is not known of it: ${outcome.detail}` };
  }
  if (outcome.verdict === 'passed') {
    return { verdict: 'failed', detail: `passed, but is listed as unsupported: ${entry.reason}` };
  }
  if (!entry.says.test(outcome.detail ?? '')) {
    return {
      verdict: 'failed',
      detail: `UNSUPPORTED for another reason than the known one: ${outcome.detail}`,
    };
  }
  return { verdict: 'unsupported', detail: entry.reason };
}
