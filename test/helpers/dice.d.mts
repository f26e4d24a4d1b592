export type Dice = (limit: number) => number;
export function diceFrom(seed: number): Dice;
export function recordHeader(position: bigint, byteLength: bigint, padding?: boolean): bigint;
interface Places {
  capacity: number;
  slots: number;
  data: number;
  size: number;
}
export const PLACES: { spsc: Places; mpsc: Places & { chain: number } };
export function damage(fd: number, dice: Dice, kind: 'spsc' | 'mpsc'): void;
