import { Consumer } from './consumer.js';
import { codeOf, RingError } from './errors.js';
import { OpenHandles, orGiveBack, ownHandles } from './handles.js';
import { type NativeRing, native } from './native.js';
import {
  type CheckedConsumerOptions,
  type ConsumerOptions,
  consumerOptions,
  directoryOf,
  nameOf,
  type OpenOptions,
  openOptions,
  type ProducerOptions,
  producerOptions,
  type RingOptions,
  ringOptions,
  standbyOptions,
  standbySyncOptions,
  type WaitOptions,
} from './options.js';
import { endProducer, Producer } from './producer.js';
import {
  type Inspected,
  type Owner,
  ownersOf,
  type RecoveryReport,
  type RingInfo,
  type RingStats,
} from './stats.js';
import { endConsumer } from './tenure.js';
import { Deadline, Waiter } from './wait.js';

/** Milliseconds between two looks of a standby that blocks its thread. */
const STANDBY_MS = 10;
/** Something to sleep on. */
const asleep = new Int32Array(new SharedArrayBuffer(4));

function waitsForItself(): RingError {
  return new RingError(
    'REENTRANT',
    'the consumer that is waited for belongs to this very thread, which could not close it meanwhile: close it first, \
or wait with `consumerWhenFree()`',
  );
}

/** A named ring in shared memory, attached to this process. */
export class Ring implements Disposable {
  readonly name: string;
  /** Random, of this segment and not of its name: 32 hexadecimal digits. */
  readonly id: string;
  readonly kind: 'spsc' | 'mpsc';
  /** Bytes of the data area. */
  readonly capacity: number;
  /** Bytes of the largest record. */
  readonly maxRecord: number;
  readonly #native: NativeRing;
  readonly #handles: OpenHandles;
  #closed = false;

  private constructor(ring: NativeRing, handles: OpenHandles) {
    this.#handles = ownHandles(handles, 'Ring.create() or Ring.open()');
    const { name, id, kind, capacity, maxRecord } = ring.describe();
    this.name = name;
    this.id = id;
    this.kind = kind as 'spsc' | 'mpsc';
    this.capacity = capacity;
    this.maxRecord = maxRecord;
    this.#native = ring;
  }

  /** Makes a ring. `EXISTS` when the name is taken. */
  static create(name: string, options?: RingOptions): Ring {
    return new Ring(
      native.createRing(nameOf(name), ringOptions(options, 'Ring.create()')),
      new OpenHandles(),
    );
  }

  /** Attaches to a ring. `NOT_FOUND` when there is none. */
  static open(name: string, options?: OpenOptions): Ring {
    return new Ring(native.openRing(nameOf(name), openOptions(options, 'Ring.open()')), new OpenHandles());
  }

  /**
   * Attaches to a ring, or makes it; of many who race all get the same. An option given explicitly
   * that differs from what is there is a `MISMATCH`; what is left out accepts what is there.
   */
  static openOrCreate(name: string, options?: RingOptions): Ring {
    const asked = ringOptions(options, 'Ring.openOrCreate()');
    return new Ring(native.openOrCreateRing(nameOf(name), asked), new OpenHandles());
  }

  /** Makes a ring with a name of its own and the lifetime `'attached'`. */
  static temporary(options?: RingOptions): Ring {
    return new Ring(native.temporaryRing(ringOptions(options, 'Ring.temporary()')), new OpenHandles());
  }

  /** Removes a name; who is attached keeps the ring. False when there was none. */
  static unlink(name: string, options?: { directory?: string }): boolean {
    return native.unlinkRing(nameOf(name), directoryOf(options, 'Ring.unlink()'));
  }

  /** The rings of a directory, the broken ones with the reason in `error`. */
  static list(options?: { directory?: string }): RingInfo[] {
    return native.listRings(directoryOf(options, 'Ring.list()'));
  }

  /** Whether the name no longer leads to this segment. */
  get stale(): boolean {
    return this.#native.isStale();
  }

  /** Bytes of this ring's own mapping that lie in huge pages now. It takes about a millisecond to find out. */
  get hugePageBytes(): number {
    return this.#native.hugePageBytes();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Attaches as a producer. `BUSY` when no slot is free, `SEALED` for good. */
  producer(options?: ProducerOptions): Producer {
    const { label, pending } = producerOptions(options);
    const handle = this.#native.attachProducer(label);
    const make = () => new Producer(handle, this, pending, this.#handles);
    return orGiveBack(make, () => endProducer(handle));
  }

  /** Attaches as the consumer. `BUSY` while another lives. */
  consumer(options?: ConsumerOptions): Consumer {
    return this.#consumer(consumerOptions(options));
  }

  /** Standby: attaches as soon as the living consumer closes or dies. Undefined on time-out. */
  consumerWhenFree(options?: ConsumerOptions & WaitOptions): Promise<Consumer | undefined> {
    return (async () => {
      const { asked, wait } = standbyOptions(options);
      return new Waiter().until(() => this.#consumerIfFree(asked), wait);
    })();
  }

  /** The same, blocking this thread. */
  consumerWhenFreeSync(options?: ConsumerOptions & { timeoutMs?: number }): Consumer | undefined {
    const { asked, timeoutMs } = standbySyncOptions(options);
    const deadline = new Deadline(timeoutMs);
    for (;;) {
      const consumer = this.#consumerIfFree(asked);
      const { left } = deadline;
      if (consumer !== undefined || left === 0) return consumer;
      if (left === Number.POSITIVE_INFINITY && this.#native.isConsumerOwn()) throw waitsForItself();
      Atomics.wait(asleep, 0, 0, Math.min(left, STANDBY_MS));
    }
  }

  /** Seals for good: later writes throw `SEALED`, readers end when everything is read. */
  seal(): void {
    this.#native.seal();
  }

  /** Exact while nobody writes or reads, whoever was killed before; cheap, from any process. */
  stats(): RingStats {
    return this.#native.stats();
  }

  /** Who is attached, alive or dead and not yet recovered. */
  owners(): Owner[] {
    const { numbers, labels } = this.#native.owners();
    return ownersOf(numbers, labels);
  }

  /** Frees what dead owners held. Safe at any time, from any process, any number at once. */
  recover(): RecoveryReport {
    return this.#native.recover();
  }

  /** What lies in the ring now, without consuming it. What is released meanwhile is left out. */
  *inspect(): Generator<Inspected, void, undefined> {
    const inspector = this.#native.inspect();
    for (;;) {
      const seen = this.#native.inspectNext(inspector);
      if (seen === null) return;
      yield seen;
    }
  }

  /** Removes the name of this segment, never that of a successor. False when it was gone. */
  unlink(): boolean {
    return this.#native.unlink();
  }

  /** Detaches, and closes this ring's handles. Never removes the name of a `'persistent'` ring. */
  close(): void {
    if (this.#closed) return;
    this.#handles.close();
    this.#native.close();
    // Last: whoever was stopped in between can close once more.
    this.#closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #consumer({ label, endWhen }: CheckedConsumerOptions): Consumer {
    const handle = this.#native.attachConsumer(label, endWhen);
    return orGiveBack(
      () => new Consumer(handle, this.#handles),
      () => endConsumer(handle),
    );
  }

  #consumerIfFree(asked: CheckedConsumerOptions): Consumer | undefined {
    if (this.#native.isConsumerAlive()) return undefined;
    try {
      return this.#consumer(asked);
    } catch (error) {
      // Another standby was faster. Not by class: a second copy of the package may have made the error.
      if (codeOf(error) === 'ERR_SHMRING_BUSY') return undefined;
      throw error;
    }
  }
}
