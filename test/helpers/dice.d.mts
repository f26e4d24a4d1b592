export type Dice = (limit: number) => number;
export function diceFrom(seed: number): Dice;
export function recordHeader(position: bigint, byteLength: bigint, padding?: boolean): bigint;
export function damage(fd: number, dice: Dice): void;
