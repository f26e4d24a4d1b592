/** The addon as the rest sees it, with the types of what napi-rs does not describe. */

import type * as Generated from '../native/index.js';
import { RingError, type RingErrorName } from './errors.js';
import { load } from './load.js';

/** Functions that run per record or per wait. The first argument is a handle's number. */
interface RawFunctions {
  producerMemory(handle: number): Buffer;
  /** The whole segment; undefined where JavaScript does not write by itself. */
  producerHotPath(handle: number, shared: ArrayBufferLike): Buffer | undefined;
  tellConsumer(handle: number): void;
  /** `undefined`: written; `false`: full. */
  tryWrite(handle: number, record: Uint8Array): undefined | false;
  tryWriteString(handle: number, record: string): undefined | false;
  /** How many were written. */
  tryWriteBatch(handle: number, ...records: readonly Uint8Array[]): number;
  /** The same, for an array that nobody else has. */
  tryWriteMany(handle: number, records: readonly Uint8Array[]): number;
  tryClaim(handle: number, byteLength: number): number;
  commit(handle: number, byteLength: number | undefined): void;
  abort(handle: number): void;
  waitForRoom(handle: number, byteLength: number, limitMs: number, busyMicros: number): boolean;
  /** In bytes. */
  producerPosition(handle: number): number;
  isReleased(handle: number, position: number): boolean;
  consumerAlive(handle: number): boolean;
  producerSealed(handle: number): boolean;
  closeProducer(handle: number): void;

  consumerMemory(handle: number, scratch: ArrayBuffer): Buffer;
  peek(handle: number, limit: number, fresh: boolean): number;
  advance(handle: number, count: number, limit: number): number;
  release(handle: number, count: number): void;
  /** Waits as the scratch says: milliseconds, microseconds without sleep, microseconds of lag. */
  waitAndPeek(handle: number, limit: number): number;
  waitForRecord(handle: number, limitMs: number, busyMicros: number): boolean;
  /** In units of 8 bytes. */
  consumerPosition(handle: number): number;
  consumerEnd(handle: number): 'sealed' | 'no-producers' | 'producer-died' | undefined;
  closeConsumer(handle: number): void;
  retireConsumer(handle: number): void;
}

// Internal, so that no shipped declaration leads to those generated beside the addon, which are not shipped.
/** @internal */
export type NativeRing = Generated.NativeRing;
type Addon = typeof Generated & RawFunctions;

/** No handle has this number: what it is used for answers `CLOSED`. */
export const NO_HANDLE = 0xffffffff;

const loaded = load() as Addon | string;

/** `true`, or why only the import works on this platform. */
export const supported: true | string = typeof loaded === 'string' ? loaded : true;

/** Stands in for the addon where there is none: whatever is called says why. */
function refuse(reason: string): Addon {
  return new Proxy({} as Addon, {
    get: () => () => {
      throw new RingError('UNSUPPORTED', reason);
    },
  });
}

/** @internal */
export const native: Addon = typeof loaded === 'string' ? refuse(loaded) : loaded;

if (typeof loaded !== 'string') {
  loaded.setErrorFactory((name, message, details) => new RingError(name as RingErrorName, message, details));
}
