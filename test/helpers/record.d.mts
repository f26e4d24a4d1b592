export const HEADER_BYTES: number;
export function lengthOf(producer: number, sequence: number, longest: number): number;
export function batchLengthOf(sequence: number): number;
export function fillRecord(
  memory: Uint8Array,
  start: number,
  producer: number,
  sequence: number,
  length: number,
): void;
export function flawOf(memory: Uint8Array, start: number, end: number): string | undefined;
export function producerOf(memory: Uint8Array, start: number): number;
export function sequenceOf(memory: Uint8Array, start: number): number;
