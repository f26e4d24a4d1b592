/** Writes small records of an `spsc` ring without a call of the addon: the protocol's hot path, in JavaScript. */

import { byteLengthGetter, kindGetter, uncurried } from './input.js';
import { native, supported } from './native.js';

// Taken when this is loaded, and called through nothing that a program can replace, `call` included: what runs
// between a look at the room and the publication could write by itself, and its record would be overwritten. V8
// looks through what stands in this module, and not through what is imported (NB: 10 ns a record).
const kindOf = uncurried(kindGetter);
const sizeOf = uncurried(byteLengthGetter);
const copy = uncurried(Uint8Array.prototype.set);
const { imul, min } = Math;

/** A record begins with 8 bytes of header, and at a multiple of 8: docs/format.md. */
const HEADER = 8;
const TO_MULTIPLE = 7;
const CHECK = ~0xffff;
/** Lower half of the stamp of a ledger entry that is being written. */
const OPEN = 1;

/** Where the words of an `spsc` segment lie, in units of 4 bytes, and the factors of a check. */
const [TAIL, SEALED, FULL_FENCES, SLEEP, WRITING, ENTRY, OTHER_ENTRY, OF_LENGTH, OF_POSITION] = (
  supported === true ? native.hotPathPlaces() : []
) as [number, number, number, number, number, number, number, number, number];

// Where the words that this file and `binding/hot_path.rs` share are.
const USED = 0;
const RECORDS = 1;
const LEASE = 2;
const BYTES = 3;
const START = 4;
const POSITION = 5;
const OF_HIGH = 6;
const WRITTEN = 7;
const FIRST_ENTRY = 8;
const STEP = 9;
const COUNT = 10;

export class HotPath {
  readonly #handle: number;
  readonly #shared: Int32Array;
  /** The segment. */
  readonly #words: Int32Array;
  /** The bytes that are lent: nothing else can be written to through it. */
  #lent: Uint8Array = new Uint8Array(0);
  #lease = 0;
  /** How much of the lease may be used before the addon is called. */
  #limit = 0;
  #start = 0;
  #position = 0;
  #ofHigh = 0;
  #written = 0;
  #entry = 0;
  /** The sleep that the consumer was rung for last. */
  #rung = 0;

  static of(handle: number): HotPath | undefined {
    const shared = new Int32Array(COUNT);
    const segment = native.producerHotPath(handle, shared.buffer);
    return segment && new HotPath(handle, shared, segment.buffer);
  }

  private constructor(handle: number, shared: Int32Array, segment: ArrayBufferLike) {
    this.#handle = handle;
    this.#shared = shared;
    this.#words = new Int32Array(segment);
  }

  /**
   * To be called after a write by the addon: takes the next step of the lease, or the first of a new one.
   * Between two steps the addon writes a record, and asks the processor for the lines to come.
   */
  refresh(): void {
    const shared = this.#shared;
    const at = (word: number) => shared[word] as number;
    if (at(LEASE) !== this.#lease) {
      this.#lease = at(LEASE);
      this.#lent = new Uint8Array(this.#words.buffer, at(START), at(BYTES));
      this.#start = at(START) >> 2;
      this.#position = at(POSITION);
      this.#ofHigh = at(OF_HIGH);
      this.#written = at(WRITTEN);
      this.#entry = at(FIRST_ENTRY);
      // Last: where this thread was stopped before, nothing is written into what it does not know.
      shared[USED] = 0;
    }
    this.#limit = min(at(USED) + at(STEP), at(BYTES));
  }

  /** Copies a record in. False: nothing was done, and the addon has to. */
  tryWrite(record: unknown): boolean {
    if (kindOf(record) !== 'Uint8Array') return false;
    const length = sizeOf(record);
    const shared = this.#shared;
    const used = shared[USED] as number;
    const end = used + ((HEADER + length + TO_MULTIPLE) & ~TO_MULTIPLE);
    if (length === 0 || length > this.#limit || end > this.#limit) return false;
    return this.#write(record as Uint8Array, length, used, end);
  }

  /** In parts, each small enough for V8 to put it into the caller's loop (NB: 4 ns a record). */
  #write(record: Uint8Array, length: number, used: number, end: number): boolean {
    try {
      copy(this.#lent, record, used + HEADER);
    } catch {
      // It grew meanwhile, past the lease.
      return false;
    }
    const position = (this.#position + used) | 0;
    const check = (((imul(length, OF_LENGTH) + imul(position, OF_POSITION)) | 0) + this.#ofHigh) & CHECK;
    return this.#publish(length, check, used, end);
  }

  /**
   * Calls nothing while the mark of a write is up: where something is called the engine may stop for good, at the
   * end of the stack or of the time that `node:vm` gives, and who reads a sealed ring waits for the mark.
   */
  #publish(length: number, check: number, used: number, end: number): boolean {
    const words = this.#words;
    const shared = this.#shared;
    const records = shared[RECORDS] as number;
    const entry = (records & 1) === 0 ? this.#entry : this.#entry ^ ENTRY ^ OTHER_ENTRY;
    words[WRITING] = 1;
    words[entry] = OPEN;
    // Looks between a mark and its end, so that no engine takes the mark for a store that nobody sees.
    if (words[SEALED] !== 0 || words[FULL_FENCES] !== 0) {
      words[WRITING] = 0;
      return false;
    }
    const header = this.#start + (used >> 2);
    words[header] = length;
    words[header + 1] = check;
    words[entry + 2] = (this.#written + records + 1) | 0;
    shared[USED] = end;
    shared[RECORDS] = records + 1;
    const tail = (this.#position + end) | 0;
    words[entry] = tail;
    words[TAIL] = tail;
    words[WRITING] = 0;
    if (((words[SLEEP] as number) & 1) !== 0) this.#wake();
    return true;
  }

  /** Wakes the consumer, once a sleep. One that waits for the end of this write sleeps anew, by another number. */
  #wake(): void {
    const sleep = this.#words[SLEEP] as number;
    if (sleep === this.#rung) return;
    native.tellConsumer(this.#handle);
    this.#rung = sleep;
  }
}
