/** Records as users hand them in, and values as error messages show them. */

import { RingError } from './errors.js';

/** A record: a string is written as UTF-8, a view as its bytes. */
export type Input = string | NodeJS.ArrayBufferView;

const { bind, call } = Function.prototype;

/** A method as a function of its object: to call it runs nothing that a program has put in place of anything. */
export const uncurried = bind.bind(call as never) as unknown as <A extends unknown[], T>(
  method: (...list: A) => T,
) => (object: unknown, ...list: A) => T;

/** How a kind of object answers for `property` itself, whatever a subclass puts in its place. */
function getter<T>(prototype: object, property: PropertyKey): () => T {
  return Object.getOwnPropertyDescriptor(prototype, property)?.get as () => T;
}

/** How a kind of view tells where its bytes are. */
const whereabouts = (prototype: object) => ({
  buffer: uncurried(getter<ArrayBuffer>(prototype, 'buffer')),
  byteOffset: uncurried(getter<number>(prototype, 'byteOffset')),
  byteLength: uncurried(getter<number>(prototype, 'byteLength')),
});

const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
const ofTypedArray = whereabouts(typedArray);
const ofDataView = whereabouts(DataView.prototype);

/** For others that ask once a record: the kind of a typed array, undefined for anything else. */
export const kindGetter = getter<string | undefined>(typedArray, Symbol.toStringTag);
/** The same: how many bytes it has. */
export const byteLengthGetter = getter<number>(typedArray, 'byteLength');

const kindOf = uncurried(kindGetter);
const sizeOf = uncurried(byteLengthGetter);
const keysOf = uncurried(typedArray.keys);

/** Whether a value is a Uint8Array, as every Buffer is. */
function isBytes(record: unknown): record is Uint8Array {
  return kindOf(record) === 'Uint8Array';
}

const { values } = Array.prototype;

/**
 * Whether all of them are, none is empty, and to spread the array gives just them. A loop of its own:
 * `every` calls back where this is inlined (NB: 4 ns a record).
 */
export function allBytes(records: readonly unknown[]): records is readonly Uint8Array[] {
  if (records[Symbol.iterator] !== values) return false;
  for (let i = 0; i < records.length; i++) {
    const record = records[i];
    if (!isBytes(record) || sizeOf(record) === 0) return false;
  }
  return true;
}

/** The bytes of any record. */
export function bytesOf(record: unknown): Uint8Array {
  if (isBytes(record)) return sizeOf(record) === 0 ? inBounds(record) : record;
  if (typeof record === 'string') return Buffer.from(record);
  if (!ArrayBuffer.isView(record)) {
    throw new RingError(
      'INVALID_ARGUMENT',
      `a record is a string or a view of an ArrayBuffer, not ${describe(record)}`,
    );
  }
  const { buffer, byteOffset, byteLength } = kindOf(record) === undefined ? ofDataView : ofTypedArray;
  try {
    if (byteLength === ofTypedArray.byteLength && byteLength(record) === 0) inBounds(record);
    return new Uint8Array(buffer(record), byteOffset(record), byteLength(record));
  } catch {
    throw withoutMemory();
  }
}

/** Of no length is also a view whose memory was given away, or made too short for it. */
function inBounds<T>(array: T): T {
  try {
    // Of what an array can be asked, the least that throws for such a view.
    keysOf(array);
    return array;
  } catch {
    throw withoutMemory();
  }
}

function withoutMemory(): RingError {
  return new RingError(
    'INVALID_ARGUMENT',
    'the ArrayBuffer under this record is detached, or has become too short for it',
  );
}

/** The bytes of each record, in an array that nobody else has. Not by `map`, which asks the array for its kind. */
export function allBytesOf(records: readonly unknown[]): Uint8Array[] {
  const views: Uint8Array[] = [];
  for (let i = 0; i < records.length; i++) views.push(bytesOf(records[i]));
  return views;
}

/** Bytes that a record takes, without encoding it. */
export function byteLengthOf(record: unknown): number {
  return typeof record === 'string' ? Buffer.byteLength(record) : sizeOf(bytesOf(record));
}

/** Whether a value is an array; of a revoked Proxy nobody can tell. */
export function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** Characters of a user's text that an error message shows. */
const SHOWN = 100;

/** A value as an error message shows it: in few words, and whatever the value does. */
export function describe(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > SHOWN ? `${JSON.stringify(value.slice(0, SHOWN))}…` : JSON.stringify(value);
  }
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) {
    return value == null ? String(value) : `${typeof value} ${String(value).slice(0, SHOWN)}`;
  }
  const name = classOf(value);
  return name === undefined ? 'an object' : `an instance of ${name.slice(0, SHOWN)}`;
}

function classOf(value: object): string | undefined {
  try {
    const name: unknown = value.constructor.name;
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    // A revoked Proxy, no prototype, or a getter that throws.
    return undefined;
  }
}
