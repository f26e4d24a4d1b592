import { RingError } from './errors.js';

/** A record: a string is written as UTF-8, a view as its bytes. */
export type Input = string | NodeJS.ArrayBufferView;

/** The bytes of a record that is not a plain Uint8Array. */
export function bytesOf(record: unknown): Uint8Array {
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
