/** The memory of a handle, as it is before and after somebody moves it elsewhere. */

import { RingError } from './errors.js';

/** What takes the bytes from an ArrayBuffer. (Node refuses to transfer native memory by a message.) */
const MOVES = ['transfer', 'transferToFixedLength'] as const;

type Movable = ArrayBufferLike & Partial<Record<(typeof MOVES)[number], (newLength?: number) => ArrayBuffer>>;

/** Calls `moves` before the bytes of `memory` are moved to another ArrayBuffer, by this one's own methods. */
export function watchMoves(memory: Buffer, moves: () => void): Buffer {
  const array: Movable = memory.buffer;
  for (const name of MOVES) {
    const move = array[name];
    if (move === undefined) continue;
    const value = (...lengths: [number?]): ArrayBuffer => {
      if (memory.length > 0) moves();
      return move.apply(array, lengths);
    };
    Object.defineProperty(array, name, { value, configurable: true, writable: true });
  }
  return memory;
}

/** The error of a handle that needs its memory, which was moved. */
export function moved(handle: string): RingError {
  return new RingError('CLOSED', `the memory of this ${handle} was transferred: close it and attach again`);
}
