export type Dice = (limit: number) => number;
export function diceFrom(seed: number): Dice;
export function recordHeader(position: bigint, byteLength: bigint, padding?: boolean): bigint;
export const PLACES: Record<'spsc' | 'mpsc', { capacity: number; data: number; size: number }>;
export function damage(fd: number, dice: Dice, kind: 'spsc' | 'mpsc'): void;
