import { RingError } from './errors.js';

/** A record: a string is written as UTF-8, a view as its bytes. */
export type Input = string | NodeJS.ArrayBufferView;

const kindOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as () => string | undefined;

/** Whether a value is a Uint8Array, as every Buffer is: asks the array itself, not its prototype. */
export function isBytes(record: unknown): record is Uint8Array {
  return kindOf.call(record) === 'Uint8Array';
}

/** Whether all of them are. A loop of its own: `every` calls back where this is inlined (NB: 4 ns a record). */
export function allBytes(records: readonly unknown[]): boolean {
  for (let i = 0; i < records.length; i++) if (!isBytes(records[i])) return false;
  return true;
}

/** The bytes of any record. */
export function bytesOf(record: unknown): Uint8Array {
  if (isBytes(record)) return record;
  if (typeof record === 'string') return Buffer.from(record);
  if (!ArrayBuffer.isView(record)) {
    throw new RingError(
      'INVALID_ARGUMENT',
      `a record is a string or a view of an ArrayBuffer, not ${describe(record)}`,
    );
  }
  try {
    return new Uint8Array(record.buffer, record.byteOffset, record.byteLength);
  } catch {
    throw new RingError('INVALID_ARGUMENT', 'the ArrayBuffer under this record is detached');
  }
}

/** The bytes of each record, in an array that nobody else has. Not by `map`, which asks the array for its kind. */
export function allBytesOf(records: readonly unknown[]): Uint8Array[] {
  const views: Uint8Array[] = [];
  for (let i = 0; i < records.length; i++) views.push(bytesOf(records[i]));
  return views;
}

/** Bytes that a record takes, without encoding it. */
export function byteLengthOf(record: unknown): number {
  return typeof record === 'string' ? Buffer.byteLength(record) : bytesOf(record).byteLength;
}

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') return `an ${value.constructor?.name ?? 'object'}`;
  return typeof value === 'string' ? JSON.stringify(value) : `${typeof value} ${String(value)}`;
}
