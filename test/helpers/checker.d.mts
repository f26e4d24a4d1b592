export interface Verdict {
  lost: number;
  repeated: number;
  reordered: number;
  torn: number;
  misplaced: number;
  faults: string[];
}
export class Checker {
  readonly records: number;
  readonly bytes: number;
  readonly torn: number;
  accept(memory: Uint8Array, start: number, end: number, position?: number): void;
  next(producer: number): number;
  finish(producer: number, count: number): void;
  verdict(): Verdict;
}
export const NO_FAULTS: Verdict;
