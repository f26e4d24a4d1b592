import { equal, throws } from 'node:assert/strict';
import fc from 'fast-check';
import type { Model } from './model.js';
import { type Payload, payloads } from './payload.js';
import type { Real } from './real.js';
import { type Command, command } from './write-commands.js';

/** What a drain's handler does at its `at`th record. */
interface Twist {
  kind: 'nothing' | 'stop' | 'throw' | 'read';
  at: number;
}

/** Drains by `call` and returns how many records the model must regard as released. */
function drained(
  model: Model,
  real: Real,
  twist: Twist,
  call: (handler: (memory: Buffer, start: number, end: number, position: number) => boolean) => number,
): number {
  const error = new Error('from the handler');
  let calls = 0;
  let thrown: unknown;
  let result = -1;
  try {
    result = call((memory, start, end, position) => {
      equal(start, ((position * 8) % model.capacity) + 8, 'a record lies where its position says');
      real.checkRecord(model, calls, memory.subarray(start, end), position);
      const now = calls === twist.at;
      calls += 1;
      if (now && twist.kind === 'throw') throw error;
      if (now && twist.kind === 'read') {
        throws(() => real.consumer.tryRead(), { code: 'ERR_SHMRING_REENTRANT' });
      }
      return !(now && twist.kind === 'stop');
    });
  } catch (caught) {
    thrown = caught;
  }
  if (thrown !== undefined && thrown !== error) throw thrown;
  const released = thrown === undefined ? calls : calls - 1;
  if (thrown === undefined) equal(result, calls, 'the number that a drain returns');
  return released;
}

const drain = (limit: number | undefined, twist: Twist, sync: boolean): Command =>
  command(`drain${sync ? 'Sync' : ''}(${twist.kind} at ${twist.at}, ${limit})`, (model, real) => {
    const { consumer } = real;
    const waiting = model.waiting.length;
    const released = drained(model, real, twist, (handler) => {
      if (sync) {
        const options = { timeoutMs: 0, lagMicros: 0, spinMicros: 0 };
        return consumer.drainSync(handler, limit === undefined ? options : { ...options, limit });
      }
      return limit === undefined ? consumer.drain(handler) : consumer.drain(handler, limit);
    });
    let expected = Math.min(waiting, limit ?? Number.POSITIVE_INFINITY);
    if (twist.kind === 'stop') expected = Math.min(expected, twist.at + 1);
    if (twist.kind === 'throw') expected = Math.min(expected, twist.at);
    // A blocking drain may come back with some of the records; a plain one takes all there are.
    if (sync) equal(released <= expected && (released > 0 || expected === 0), true, `${released}`);
    else equal(released, expected, 'records drained');
    model.release(released);
    if (waiting === 0) model.foundNothing();
  });

const read = (): Command =>
  command('tryRead()', (model, { consumer }) => {
    const record = consumer.tryRead();
    equal(record?.toString('hex'), model.waiting[0]?.toString('hex'));
    if (record === undefined) model.foundNothing();
    else model.release(1);
  });

const peek = (limit: number | undefined, fraction: number, writes: Payload[]): Command =>
  command(`peek(${limit}), write [${writes.join(', ')}], release ${fraction}`, (model, real) => {
    const batch = limit === undefined ? real.consumer.peek() : real.consumer.peek(limit);
    if (batch === undefined) {
      model.foundNothing();
      return;
    }
    equal(batch.count > 0 && batch.count <= Math.min(model.waiting.length, limit ?? Infinity), true);
    equal(batch.ranges.length, 2 * batch.count);
    const look = (): void => {
      for (let i = 0; i < batch.count; i += 1) {
        const record = batch.memory.subarray(batch.ranges[2 * i], batch.ranges[2 * i + 1]);
        real.checkRecord(model, i, record, batch.positionAt(i));
      }
    };
    look();
    for (const payload of model.claimed === undefined ? writes : []) {
      const written = real.producer.tryWrite(payload.input);
      if (!written) model.full += 1;
      model.put([payload.bytes], written);
    }
    look();
    const count = Math.floor(batch.count * fraction);
    if (count === batch.count) batch.release();
    else if (count > 0) batch.release(count);
    batch[Symbol.dispose]();
    model.release(count);
  });

const reopenProducer = (): Command =>
  command('the producer closes, another attaches', (model, real) => {
    if (model.claimed !== undefined) model.abort();
    real.reopenProducer();
  });

const reopenConsumer = (): Command =>
  command('the consumer closes, another attaches', (_, real) => real.reopenConsumer());

const reopenRing = (): Command =>
  command('the ring closes and is opened again', (model, real) => {
    if (model.claimed !== undefined) model.abort();
    real.reopenRing();
  });

export function readCommands(maxRecord: number): fc.Arbitrary<Command>[] {
  const limits = fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined });
  const twists = fc.record({
    kind: fc.constantFrom<Twist['kind'][]>('nothing', 'nothing', 'stop', 'throw', 'read'),
    at: fc.nat({ max: 12 }),
  });
  const fractions = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
  const writes = fc.array(payloads(maxRecord), { maxLength: 3 });
  return [
    fc.tuple(limits, twists, fc.boolean()).map((made) => drain(...made)),
    fc.tuple(limits, twists, fc.boolean()).map((made) => drain(...made)),
    fc.constant(read()),
    fc.tuple(limits, fractions, writes).map((made) => peek(...made)),
    fc.constant(reopenProducer()),
    fc.constant(reopenConsumer()),
    fc.constant(reopenRing()),
  ];
}
