import { readFileSync } from 'node:fs';

function doublesOf(file: string): Float64Array {
  const bytes = readFileSync(file);
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~7)));
}

/** How far a producer got, by the books that it kept until its death; see fixtures/producer.mjs. */
export function producerBooks(file: string): { begun: number; acknowledged: number } {
  const [begun = 0, acknowledged = 0] = doublesOf(file);
  return { begun, acknowledged };
}

export interface Handled {
  position: number;
  producer: number;
  sequence: number;
  /** -1 when it was torn. */
  byteLength: number;
}

/** What a consumer handled, by the books that it kept until its death; see fixtures/consumer.mjs. */
export function consumerBooks(file: string): Handled[] {
  const doubles = doublesOf(file);
  return Array.from({ length: Math.floor(doubles.length / 4) }, (_, i) => {
    const [position, producer, sequence, byteLength] = doubles.subarray(
      4 * i,
      4 * i + 4,
    ) as unknown as number[];
    return { position, producer, sequence, byteLength } as Handled;
  });
}
