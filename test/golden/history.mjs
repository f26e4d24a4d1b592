// Runs the history of a golden segment through the package: lines of `WHO DOES WHAT`, see README.md.
import assert from 'node:assert/strict';

/**
 * @typedef {import('shmring').Ring} Ring
 * @typedef {import('shmring').Producer} Producer
 * @typedef {import('shmring').Consumer} Consumer
 */

const TEXT = new TextDecoder();

/**
 * The payload of a number: letters.
 *
 * @param {number} number
 * @param {number} length
 */
const letters = (number, length) =>
  Uint8Array.from({ length }, (_, index) => 'a'.charCodeAt(0) + ((number + index) % 26));

export class World {
  #ring;
  /** @type {Map<string, Producer>} */
  #producers = new Map();
  /** @type {Consumer | undefined} */
  #consumer;
  /** What was written and not yet read. @type {Buffer[]} */
  #waiting;
  /** Of the next payload. */
  #number = 0;
  #attach;

  /**
   * @param {Ring} ring
   * @param {Buffer[]} waiting what will be read first
   * @param {(index: number) => void} attach to be called before each producer is made
   */
  constructor(ring, waiting = [], attach = () => {}) {
    this.#ring = ring;
    this.#waiting = waiting;
    this.#attach = attach;
  }

  /**
   * Runs lines up to the first snapshot: what comes after one has no public call.
   *
   * @param {string} history
   */
  run(history) {
    let producers = 0;
    for (const whole of history.split('\n')) {
      const [who = '', does, ...what] = (whole.split('#')[0] ?? '').trim().split(/\s+/);
      if (who === 'snapshot') return;
      if (who === '') continue;
      if (does === 'produces') {
        this.#attach(producers++);
        this.#producers.set(who, this.#ring.producer({ label: who }));
      } else if (does === 'consumes') this.#consumer = this.#ring.consumer({ label: who });
      else this.#step(who, does, what.filter((word) => word !== 'of').map(Number));
    }
  }

  /**
   * @param {string} who
   * @param {string | undefined} does
   * @param {number[]} what
   */
  #step(who, does, what) {
    const producer = this.#producers.get(who);
    const [first = 0, second = 0] = what;
    switch (does) {
      case 'closes':
        (producer ?? this.#consumer)?.close();
        return this.#producers.delete(who);
      case 'writes':
        return what.forEach((length) => {
          assert.equal(producer?.tryWrite(this.#next(length)), true);
        });
      case 'tells':
        return assert.equal(producer?.tryWrite(TEXT.decode(this.#next(first))), true);
      case 'blanks':
        return what.forEach((length) => {
          this.#waiting.push(Buffer.alloc(length));
          assert.equal(producer?.tryWrite(new Uint8Array(length)), true);
        });
      case 'refuses':
        return assert.equal(producer?.tryWrite(new Uint8Array(first)), false);
      case 'batches':
        return assert.equal(producer?.tryWriteBatch(what.map((length) => this.#next(length))), what.length);
      case 'commits': {
        const payload = this.#claim(producer, second);
        this.#waiting.push(payload.subarray(0, first));
        return producer?.commit(first);
      }
      case 'aborts':
        this.#claim(producer, first);
        return producer?.abort();
      case 'takes':
        for (let i = 0; i < first; i++) assert.deepEqual(this.#consumer?.tryRead(), this.#waiting.shift());
        return;
      case 'releases':
        return this.#release(first);
      case 'seals':
        return this.#ring.seal();
      case 'drains':
        this.#consumer?.drain((memory, start, end) => {
          assert.deepEqual(memory.subarray(start, end), this.#waiting.shift());
        });
        return assert.equal(this.#waiting.length, 0);
      default:
        throw new Error(`nobody does what ${does} says`);
    }
  }

  /** @param {number} length */
  #next(length) {
    const payload = this.#payload(length);
    this.#waiting.push(Buffer.from(payload));
    return payload;
  }

  /** @param {number} length */
  #payload(length) {
    return letters(this.#number++, length);
  }

  /**
   * Opens a claim and fills it.
   *
   * @param {Producer | undefined} producer
   * @param {number} length
   */
  #claim(producer, length) {
    const payload = this.#payload(length);
    const offset = producer?.tryClaim(length) ?? -1;
    assert.ok(offset > 0);
    producer?.memory.set(payload, offset);
    return Buffer.from(payload);
  }

  /** @param {number} count */
  #release(count) {
    const batch = this.#consumer?.peek(count);
    assert.equal(batch?.count, count);
    for (let i = 0; i < count; i++) {
      const [start, end] = batch.ranges.subarray(2 * i);
      assert.deepEqual(batch.memory.subarray(start, end), this.#waiting.shift());
    }
    batch.release();
  }
}
