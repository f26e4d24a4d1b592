// Child processes and rings that this run made, so that none of them outlives it.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';

const children = new Set();
const rings = new Set();
const DIRECTORY = process.env.SHMRING_DIR ?? '/dev/shm';
let counter = 0;

/** A name that no other run has. */
export function ringName() {
  const name = `bench-${process.pid}-${++counter}`;
  rings.add(name);
  return name;
}

/** The children leave no ring behind; this is for those that were killed. */
export function forgetRing(name) {
  rings.delete(name);
  rmSync(`${DIRECTORY}/shmring.${name}`, { force: true });
}

/** Runs a program that prints JSON; rejects when it fails, takes too long, or `signal` aborts it. */
export function runJson(command, args, { timeoutMs = 60_000, signal } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'pipe'];
    const child = spawn(command, args, { stdio, signal, killSignal: 'SIGKILL' });
    children.add(child);
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      err += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const end = (settle, value) => {
      clearTimeout(timer);
      children.delete(child);
      settle(value);
    };
    child.on('error', (error) => end(reject, error));
    child.on('close', (code, killedBy) => {
      if (code === 0) return end(resolve, JSON.parse(out));
      const how = killedBy === null ? `ended with ${code}` : `was ended by ${killedBy}`;
      end(reject, new Error(`${command} ${args.join(' ')} ${how}\n${err}`));
    });
  });
}

/** Starts a program that talks in lines and lives until it is ended. */
export function startProgram(command, args, { timeoutMs = 30_000 } = {}) {
  const child = spawn(command, args, { stdio: 'pipe' });
  children.add(child);
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  child.on('error', (error) => {
    err += error.message;
  });
  child.on('exit', () => children.delete(child));
  // Of one that was killed meanwhile.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = (how) => new Error(`${command} ${args.join(' ')} ${how}\n${err}`);
  return {
    pid: child.pid,
    /** Its next line; rejects when it ends instead, or takes too long. */
    async line() {
      let timer;
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(failed(`said nothing for ${timeoutMs / 1000} s`)), timeoutMs);
      });
      try {
        const { value, done } = await Promise.race([lines.next(), late]);
        if (done) throw failed('ended too early');
        return value;
      } finally {
        clearTimeout(timer);
      }
    },
    send: (line) => child.stdin.write(`${line}\n`),
    end: () => child.kill('SIGKILL'),
  };
}

/** Ends what still runs and removes what still lies about. */
export function cleanUp() {
  for (const child of children) child.kill('SIGKILL');
  for (const name of rings) forgetRing(name);
}

process.on('exit', cleanUp);
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
]) {
  process.once(signal, () => process.exit(128 + number));
}
