// The programs of bench/native: built when needed, then run.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runJson } from './children.mjs';

const manifest = fileURLToPath(new URL('../native/Cargo.toml', import.meta.url));
/** Where a built program lies. */
export const program = (name) => fileURLToPath(new URL(`../native/target/release/${name}`, import.meta.url));

/** The addon of bench/native/border. */
export const borderAddon = program('libshmring_border.so');

/** Builds the yardstick; cargo itself knows whether there is anything to do and shows it. */
export function buildNative() {
  const args = ['build', '--release', '--workspace', '--locked', '--manifest-path', manifest];
  if (existsSync(borderAddon)) args.push('--quiet');
  else console.log('building bench/native: cargo build --release');
  return new Promise((resolve, reject) => {
    const cargo = spawn('cargo', args, { stdio: 'inherit' });
    cargo.on('error', () => reject(new Error('cargo was not found: install Rust 1.88 or later (rustup.rs)')));
    cargo.on('exit', (code) => (code === 0 ? resolve() : reject(new Error('bench/native does not build'))));
  });
}

/** Nanoseconds of a cache line's round trip between two cores; `null` when there is one core. */
export async function probe() {
  return (await runJson(program('probe'), []))?.nanoseconds ?? null;
}

/** One run of the native ring between two processes; nanoseconds a record. */
export async function runNative({ size, batch, nativeRecords }, { capacity, pin }) {
  const args = ['--size', size, '--batch', batch, '--records', nativeRecords];
  args.push('--capacity', capacity);
  if (pin) args.push('--pin', pin.join(','));
  return (await runJson(program('processes'), args.map(String))).nsPerRecord;
}

/** One run of the native ring of many producers; nanoseconds a record. `pin`: see lib/many.mjs. */
export async function runNativeMany({ producers, size, batch, nativeRecords }, { capacity, pin }) {
  const args = ['--producers', producers, '--size', size, '--batch', batch, '--records', nativeRecords];
  args.push('--capacity', capacity);
  if (pin) args.push('--pin', [pin.consumer, ...pin.producers].join(','));
  return (await runJson(program('many'), args.map(String))).nsPerRecord;
}

/** One round of the native ring and rtrb between two threads. */
export async function runRtrb({ records }, { capacity, pin }) {
  const args = ['--rounds', 1, '--records', records, '--capacity', capacity];
  if (pin) args.push('--pin', pin.join(','));
  const [round] = await runJson(program('rtrb'), args.map(String));
  return round;
}

/** The names of the experiments with layouts. */
export const layoutExperiments = () => runJson(program('layouts'), ['--list']);

/** One round of one of them: a row for each variant and size, with its own probes. */
export function runLayouts(experiment, pin) {
  return runJson(program('layouts'), [experiment, ...(pin ? ['--pin', pin.join(',')] : [])]);
}
