// Keeps vitest's counts in a file, up to date after every test file: when a run hangs and is ended,
// what passed until then still counts, and the files that did not end are known by name.
import { writeFileSync } from 'node:fs';

/** The environment variable that says where the counts go. */
export const COUNTS_FILE = 'SHMRING_TEST_COUNTS';

/**
 * @typedef {import('vitest/node').TestModule} TestModule
 * @typedef {import('vitest/node').Reporter} Reporter
 * @typedef {{ passed: number, failed: number, skipped: number, unfinished: string[] }} Counts
 */

/** @implements {Reporter} */
export default class CountReporter {
  #count = { passed: 0, failed: 0, skipped: 0 };
  /** @type {Set<string>} */
  #unfinished = new Set();

  /** @param {TestModule} module */
  onTestModuleQueued(module) {
    this.#unfinished.add(module.relativeModuleId);
    this.#write();
  }

  /** @param {TestModule} module */
  onTestModuleEnd(module) {
    this.#unfinished.delete(module.relativeModuleId);
    const before = this.#count.failed;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed' || state === 'failed') this.#count[state] += 1;
      else this.#count.skipped += 1;
    }
    // The file itself failed: it could not be loaded, or a hook of it threw.
    if (module.state() === 'failed' && this.#count.failed === before) this.#count.failed += 1;
    this.#write();
  }

  /**
   * @param {readonly TestModule[]} _modules
   * @param {readonly unknown[]} errors thrown outside of any test
   */
  onTestRunEnd(_modules, errors) {
    // One failure, however many: a loop that rejects a thousand times is one mistake.
    if (errors.length > 0) this.#count.failed += 1;
    this.#write();
  }

  #write() {
    const file = process.env[COUNTS_FILE];
    /** @type {Counts} */
    const counts = { ...this.#count, unfinished: [...this.#unfinished] };
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
  }
}
