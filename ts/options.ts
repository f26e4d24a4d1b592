/** The options of every call, and their checks: each is read once, before anything happens. */

import { RingError } from './errors.js';
import { describe } from './input.js';
import { native } from './native.js';

export interface OpenOptions {
  /** Default: the environment variable `SHMRING_DIR`, else `/dev/shm`. */
  directory?: string | undefined;
  /** File mode 0600 (the default) or 0660, exact despite umask. Opening a 0660 segment needs `'group'`. */
  share?: 'owner' | 'group' | undefined;
  /** `'inspect'` maps read-only and takes no lock: for tools. */
  access?: 'attach' | 'inspect' | undefined;
  /**
   * `'memory'` refuses a directory that lies on anything but a tmpfs, ramfs or hugetlbfs: another kernel may share it
   * and not see who lives. Default: the environment variable `SHMRING_FILESYSTEM`, else `'memory'`.
   */
  fileSystem?: 'memory' | 'any' | undefined;
  /** Each mapping has all its pages before the call returns that makes it, handles' too. Default false. */
  prefault?: boolean | undefined;
  /** Ask for transparent huge pages, for rings of 2 MiB and more; see `hugePageBytes`. Default false. */
  hugePages?: boolean | undefined;
}

export interface RingOptions extends OpenOptions {
  /** Default `'mpsc'`. */
  kind?: 'spsc' | 'mpsc' | undefined;
  /** Bytes of the data area, rounded up to a power of two. Default 1 MiB; 64 KiB (`spsc`: 4 KiB) to 1 GiB. */
  capacity?: number | undefined;
  /** `'attached'`: the last to detach unlinks. Default `'persistent'`. */
  lifetime?: 'persistent' | 'attached' | undefined;
}

export interface WaitOptions {
  /** Milliseconds, default `Infinity`. */
  timeoutMs?: number | undefined;
  /** An abort rejects with Node's `AbortError` and has changed nothing. */
  signal?: AbortSignal | undefined;
}

export interface WriteOptions extends WaitOptions {
  /** Throw `ERR_SHMRING_NO_CONSUMER` instead of waiting while no consumer lives. */
  requireConsumer?: boolean | undefined;
}

export interface ConsumerOptions {
  /** Shown to people; cut to 64 bytes of UTF-8. */
  label?: string | undefined;
  /**
   * When the stream is over; default `'sealed'`. `'no-producers'`: also when it has begun, is read, and no
   * producer lives. It has begun when a producer lives or attaches once this consumer is attached, or when
   * records waited for it. For a pipeline that runs once: a gap between two producers ends it.
   */
  endWhen?: 'sealed' | 'no-producers' | undefined;
}

export interface DrainOptions {
  /** Records, default as many as were there when it looked. */
  limit?: number | undefined;
  /** Milliseconds, default `Infinity`. */
  timeoutMs?: number | undefined;
  /** How long to look without sleeping; default 50 µs. */
  spinMicros?: number | undefined;
  /** How long to leave the producer alone under load, so that fewer cache lines bounce; default 10 µs. */
  lagMicros?: number | undefined;
}

/** How long a blocking wait looks before it sleeps: about what a sleep and a wake cost. */
export const SPIN_MICROS = 50;
/** NB: bench/run.mjs; a record then costs the producer about half of what it does without a lag. */
const LAG_MICROS = 10;

export function invalid(option: string, expected: string, found: unknown): RingError {
  return new RingError('INVALID_ARGUMENT', `${option} must be ${expected}, not ${describe(found)}`);
}

export function object<T extends object>(options: T | undefined): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null) throw invalid('options', 'an object', options);
  return options;
}

function oneOf<T extends string>(name: string, value: unknown, values: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  if (values.includes(value as T)) return value as T;
  throw invalid(name, values.map((known) => `'${known}'`).join(' or '), value);
}

function text(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw invalid(name, 'a string', value);
}

function flag(name: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalid(name, 'a boolean', value);
}

function duration(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && value >= 0) return value;
  throw invalid(name, 'a number that is not negative', value);
}

function timeout(value: unknown): number {
  return duration('timeoutMs', value, Number.POSITIVE_INFINITY);
}

/** A count of records; what is left out means all, and more are never there. */
export function recordLimit(value: unknown): number {
  // The largest that every engine keeps as a small integer: a greater number is an object to the addon,
  // and what is left of it a new one after every run. NB: 4 ns less for each drain of one record, in one thread.
  const all = 0x3fffffff;
  if (value === undefined || value === Number.POSITIVE_INFINITY) return all;
  if (Number.isInteger(value) && (value as number) >= 0) return Math.min(value as number, all);
  throw invalid('limit', 'a whole number that is not negative', value);
}

/** A count of bytes of one record. */
export function byteLength(value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0) return Math.min(value as number, 0xffffffff);
  throw invalid('byteLength', 'a whole number that is not negative', value);
}

export function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalid('name', 'a string', value);
}

export function directoryOf(options: { directory?: string | undefined } | undefined): string | undefined {
  // Set to nothing counts as not set.
  return text('directory', object(options).directory) ?? (process.env.SHMRING_DIR || undefined);
}

const FILE_SYSTEMS = ['memory', 'any'] as const;

function fileSystemOf(value: unknown): 'memory' | 'any' {
  // Of this thread's environment, which need not be the process's.
  const preset = process.env.SHMRING_FILESYSTEM || undefined;
  return (
    oneOf('fileSystem', value, FILE_SYSTEMS) ?? oneOf('SHMRING_FILESYSTEM', preset, FILE_SYSTEMS) ?? 'memory'
  );
}

/** What an addon's option object holds: no key whose value is undefined. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const known = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

export function openOptions(options: OpenOptions | undefined) {
  const { share, access, fileSystem, prefault, hugePages } = object(options);
  return given({
    directory: directoryOf(options),
    share: oneOf('share', share, ['owner', 'group']),
    access: oneOf('access', access, ['attach', 'inspect']),
    fileSystem: fileSystemOf(fileSystem),
    prefault: flag('prefault', prefault),
    hugePages: flag('hugePages', hugePages),
  });
}

export function ringOptions(options: RingOptions | undefined) {
  const { kind, capacity, lifetime } = object(options);
  const maxCapacity = native.maxCapacity();
  const wrong = capacity !== undefined && (!Number.isInteger(capacity) || capacity < 1);
  if (wrong || (capacity ?? 0) > maxCapacity) {
    throw invalid('capacity', `a whole number of bytes from 1 to ${maxCapacity}`, capacity);
  }
  const open = openOptions(options);
  if (open.access === 'inspect') {
    throw invalid('access', "'attach' where a ring may be created", open.access);
  }
  return given({
    ...open,
    kind: oneOf('kind', kind, ['spsc', 'mpsc']),
    capacity,
    lifetime: oneOf('lifetime', lifetime, ['persistent', 'attached']),
  });
}

export function label(options: { label?: string | undefined } | undefined): string {
  return text('label', object(options).label) ?? '';
}

export type CheckedConsumerOptions = ReturnType<typeof consumerOptions>;

export function consumerOptions(options: ConsumerOptions | undefined) {
  const endWhen = oneOf('endWhen', object(options).endWhen, ['sealed', 'no-producers']);
  return { label: label(options), endWhen: endWhen ?? 'sealed' };
}

const isAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')?.get as () => boolean;

function signalOf(value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  try {
    // Asks what it is, not what it inherits from.
    isAborted.call(value);
    return value as AbortSignal;
  } catch {
    throw invalid('signal', 'an AbortSignal', value);
  }
}

export function waitOptions(options: WriteOptions | undefined) {
  const { timeoutMs, signal, requireConsumer } = object(options);
  const required = flag('requireConsumer', requireConsumer);
  return {
    timeoutMs: timeout(timeoutMs),
    signal: signalOf(signal),
    requireConsumer: required ?? false,
  };
}

const DRAIN_DEFAULTS = {
  limit: recordLimit(undefined),
  timeoutMs: Number.POSITIVE_INFINITY,
  spinMicros: SPIN_MICROS,
  lagMicros: LAG_MICROS,
};

export function drainOptions(options: DrainOptions | undefined): typeof DRAIN_DEFAULTS {
  if (options === undefined) return DRAIN_DEFAULTS;
  const { limit, timeoutMs, spinMicros, lagMicros } = object(options);
  return {
    limit: recordLimit(limit),
    timeoutMs: timeout(timeoutMs),
    spinMicros: duration('spinMicros', spinMicros, SPIN_MICROS),
    lagMicros: duration('lagMicros', lagMicros, LAG_MICROS),
  };
}
