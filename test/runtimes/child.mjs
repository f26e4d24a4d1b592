// A child process under any runtime. It speaks in lines of JSON, as the fixtures of the process
// tests do (test/process/fixtures/talk.mjs), and what it says on standard error is a complaint.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {{ code: number | null, signal: string | null }} Exit
 * @typedef {{ event: string, [field: string]: any }} Message
 */

const PATIENCE_MS = 30_000;
const FIXTURES = new URL('../process/fixtures/', import.meta.url);

/** @type {Set<Child>} */
const running = new Set();

/** Kills every child that still lives, and waits for its end. */
export async function killChildren() {
  const left = [...running];
  for (const child of left) child.kill();
  await Promise.all(left.map((child) => child.exited));
}

export class Child {
  /** @type {Promise<Exit>} resolves when it is gone and everything it said has been heard */
  exited;
  complaints = '';
  /** @type {Message[]} */
  #heard = [];
  /** @type {Exit | undefined} */
  #exit;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #process;
  #what;

  /**
   * @param {readonly string[]} command a runtime with its flags
   * @param {string} fixture name of a file in test/process/fixtures
   * @param {object} options what the fixture gets
   * @param {NodeJS.ProcessEnv} [env]
   */
  constructor(command, fixture, options, env = process.env) {
    const [program = '', ...flags] = command;
    const file = fileURLToPath(new URL(`${fixture}.mjs`, FIXTURES));
    const child = spawn(program, [...flags, file, JSON.stringify(options)], { stdio: 'pipe', env });
    this.#process = child;
    this.#what = fixture;
    child.stdin.on('error', () => {});
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.complaints += text;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.#heard.push(JSON.parse(line));
      else this.complaints += `${line}\n`;
      this.#tell();
    });
    running.add(this);
    this.exited = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        running.delete(this);
        this.#exit = { code, signal };
        this.#tell();
        resolve(this.#exit);
      });
    });
  }

  #tell() {
    for (const listener of [...this.#listeners]) listener();
  }

  get pid() {
    return this.#process.pid;
  }

  /**
   * The next message of this event.
   *
   * @param {string} event
   * @returns {Promise<Message>} rejects when the child ends without it, or is late
   */
  message(event) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => settle(() => reject(this.#problem(`no "${event}" yet`))), PATIENCE_MS);
      /** @param {() => void} act */
      const settle = (act) => {
        clearTimeout(late);
        this.#listeners.delete(look);
        act();
      };
      const look = () => {
        const index = this.#heard.findIndex((message) => message.event === event);
        const [found] = index < 0 ? [] : this.#heard.splice(index, 1);
        if (found !== undefined) settle(() => resolve(found));
        else if (this.#exit !== undefined) settle(() => reject(this.#problem(`no "${event}"`)));
      };
      this.#listeners.add(look);
      look();
    });
  }

  /**
   * Sends a line of JSON to its standard input.
   *
   * @param {object} message
   */
  send(message) {
    this.#process.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  /** SIGKILL, by its pid. */
  kill() {
    if (this.#exit === undefined) this.#process.kill('SIGKILL');
  }

  /** Kills it and waits until it is gone. */
  async murder() {
    this.kill();
    const { signal } = await this.exited;
    if (signal !== 'SIGKILL' || this.complaints !== '') throw this.#problem('ended before the kill');
  }

  /** Waits until it has ended by itself, well and without a complaint. */
  async finished() {
    const { code } = await this.exited;
    if (code !== 0 || this.complaints !== '') throw this.#problem('ended badly');
  }

  /** @param {string} what */
  #problem(what) {
    return new Error(`${this.#what}: ${what}; ${JSON.stringify(this.#exit ?? 'alive')}; ${this.complaints}`);
  }
}
