// A user whose tsconfig names no types and no newer library needs these to read the declarations.
/// <reference types="node" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />

export type { Batch } from './batch.js';
export type { Consumer } from './consumer.js';
export type { DrainHandler } from './drain-handler.js';
export { RingError } from './errors.js';
export type { Input } from './input.js';
export { supported } from './native.js';
export type {
  ConsumerOptions,
  DrainOptions,
  OpenOptions,
  PendingOptions,
  ProducerOptions,
  RingOptions,
  WaitOptions,
  WriteOptions,
} from './options.js';
export { placeThread, type ThreadPlacement, type ThreadPlacementOptions } from './placement.js';
export type { Producer } from './producer.js';
export { Ring } from './ring.js';
export type { Inspected, Owner, RecoveryReport, RingInfo, RingStats } from './stats.js';
export type { WaitResult } from './wait.js';
