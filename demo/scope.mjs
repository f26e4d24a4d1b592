// Everything that must be gone when the demo ends, however it ends: children, rings, files.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EXIT_CODES = /** @type {const} */ ({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 });

export class Scope {
  /** Set when a signal asked for the end. */
  stopping = false;
  /** @type {Set<import('node:child_process').ChildProcess>} */
  #children = new Set();
  /** @type {(() => void)[]} */
  #undo = [];
  /** @type {string | undefined} */
  #folder;

  constructor() {
    process.on('exit', () => this.close());
    for (const [name, code] of Object.entries(EXIT_CODES)) {
      process.on(name, () => {
        this.stopping = true;
        this.close();
        process.exit(code);
      });
    }
    // The reader of our output may go before the end: `npm start | head`.
    process.stdout.on('error', () => process.exit(1));
  }

  /** A folder for this run's files. */
  get folder() {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'shmring-demo-'));
    return this.#folder;
  }

  /**
   * Calls `undo` at the end, the last given first.
   *
   * @param {() => void} undo
   */
  defer(undo) {
    this.#undo.push(undo);
  }

  /**
   * Starts a module of this folder as a child process.
   *
   * @param {string} module
   * @param {string[]} args
   * @param {'pipe' | 'inherit'} stdout
   */
  start(module, args, stdout) {
    const path = fileURLToPath(new URL(module, import.meta.url));
    const child = fork(path, args, { stdio: ['ignore', stdout, 'inherit', 'ipc'] });
    this.#children.add(child);
    child.on('exit', () => this.#children.delete(child));
    return child;
  }

  /** Ends it all now. May be called again. */
  close() {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const undo of this.#undo.splice(0).reverse()) undo();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }
}
