import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { PATIENCE_MS, within } from './time.js';

/** What a child says: one line of JSON on its standard output. */
export interface Message {
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: each event has its own fields
  [field: string]: any;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const FIXTURES = new URL('../process/fixtures/', import.meta.url);
const running = new Set<Child>();

afterEach(async () => {
  const left = [...running];
  for (const child of left) child.kill('SIGKILL');
  await Promise.all(left.map((child) => child.exited));
});

/** A child process that runs one of the fixtures; killed after the test when it still lives. */
export class Child {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #heard: Message[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #silent: Promise<void>;
  #exit: Exit | undefined;
  #complaints = '';

  constructor(fixture: string, options: object, nodeOptions: string[], wrapper: string[]) {
    const path = fileURLToPath(new URL(`${fixture}.mjs`, FIXTURES));
    const node = [process.execPath, ...nodeOptions, path, JSON.stringify(options)];
    const [program, ...rest] = [...wrapper, ...node] as [string, ...string[]];
    const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    if (child.pid === undefined) throw new Error(`${fixture} could not be started`);
    this.pid = child.pid;
    this.#process = child;
    child.stdin.on('error', () => {});
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints += text;
    });
    const lines = createInterface({ input: child.stdout });
    this.#silent = once(lines, 'close').then(() => {});
    lines.on('line', (line) => this.#hear(line));
    this.exited = once(child, 'exit').then(async ([code, signal]) => {
      await this.#silent;
      running.delete(this);
      this.#exit = { code, signal };
      this.#tell();
      return this.#exit;
    });
    running.add(this);
  }

  #hear(line: string): void {
    try {
      this.#heard.push(JSON.parse(line));
    } catch {
      this.#complaints += `${line}\n`;
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  get complaints(): string {
    return this.#complaints;
  }

  /** The next message of this event; rejects when the child ends without it. */
  message(event: string, limitMs = PATIENCE_MS): Promise<Message> {
    const answer = new Promise<Message>((resolve, reject) => {
      const look = (): void => {
        const index = this.#heard.findIndex((message) => message.event === event);
        const found = index < 0 ? undefined : this.#heard.splice(index, 1)[0];
        if (found === undefined && this.#exit === undefined) return;
        this.#listeners.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`no "${event}": ${JSON.stringify(this.#exit)} ${this.#complaints}`));
      };
      this.#listeners.add(look);
      look();
    });
    return within(answer, `"${event}" from a child; it said: ${this.#complaints}`, limitMs);
  }

  /** Sends a line of JSON to its standard input. */
  send(message: object): void {
    this.#process.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  /** Sends a signal to this process, by its pid. */
  kill(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#process.kill(signal);
  }

  /** SIGKILL, then waits until the process is gone. */
  async murder(): Promise<void> {
    this.kill('SIGKILL');
    const exit = await within(this.exited, 'the end of a killed child');
    if (exit.signal !== 'SIGKILL') {
      throw new Error(`ended before the kill: ${JSON.stringify(exit)} ${this.#complaints}`);
    }
  }

  /** Waits until it has ended by itself; anything but exit code 0 is an error. */
  async finished(limitMs = PATIENCE_MS): Promise<void> {
    const exit = await within(this.exited, 'the end of a child', limitMs);
    if (exit.code !== 0) throw new Error(`${JSON.stringify(exit)}: ${this.#complaints}`);
  }
}

/** Starts a fixture with these options, through the command `wrapper` where one is given. */
export function start(
  fixture: string,
  options: object = {},
  nodeOptions: string[] = [],
  wrapper: string[] = [],
): Child {
  return new Child(fixture, options, nodeOptions, wrapper);
}
