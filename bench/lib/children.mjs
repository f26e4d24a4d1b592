// Child processes and rings that this run made, so that none of them outlives it.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import process from 'node:process';

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
