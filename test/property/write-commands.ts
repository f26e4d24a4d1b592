import { equal, throws } from 'node:assert/strict';
import fc from 'fast-check';
import type { Model } from './model.js';
import { lengths, type Payload, payloads } from './payload.js';
import type { Real } from './real.js';

export type Command = fc.Command<Model, Real>;

/** One step; afterwards everything that can be seen must agree. */
export function command(text: string, run: (model: Model, real: Real) => void): Command {
  return {
    check: () => true,
    run(model, real) {
      run(model, real);
      real.checkAll(model);
    },
    toString: () => text,
  };
}

/** A step that is possible only with, or only without, an open claim. */
function withClaim(open: boolean, step: Command): Command {
  return {
    check: (model) => (model.claimed !== undefined) === open,
    run: (model, real) => step.run(model, real),
    toString: () => step.toString(),
  };
}

const write = (payload: Payload): Command =>
  withClaim(
    false,
    command(`tryWrite(${payload})`, (model, { producer }) => {
      const written = producer.tryWrite(payload.input);
      if (!written) model.full += 1;
      model.put([payload.bytes], written);
    }),
  );

const writeBatch = (batch: Payload[]): Command =>
  withClaim(
    false,
    command(`tryWriteBatch([${batch.join(', ')}])`, (model, { producer }) => {
      const written = producer.tryWriteBatch(batch.map(({ input }) => input));
      let counted = 0;
      for (const part of model.partsOf(batch.map(({ bytes }) => bytes))) {
        const accepted = counted < written;
        model.put(part, accepted);
        if (!accepted) {
          model.full += 1;
          break;
        }
        counted += part.length;
      }
      equal(written, counted, 'a part is written whole or not at all');
    }),
  );

const waitForRoom = (length: number): Command =>
  withClaim(
    false,
    command(`waitForRoomSync(${length})`, (model, { producer }) => {
      const result = producer.waitForRoomSync(length, { timeoutMs: 0 });
      equal(result === 'ready' || result === 'timeout', true, result);
      model.room(length, result === 'ready');
    }),
  );

const claim = (length: number): Command =>
  withClaim(
    false,
    command(`tryClaim(${length})`, (model, { producer }) => {
      const offset = producer.tryClaim(length);
      if (offset < 0) model.full += 1;
      else producer.memory.fill(0xee, offset, offset + length);
      model.claim(length, offset);
      model.claimOffset = offset;
    }),
  );

const commit = (fraction: number): Command =>
  withClaim(
    true,
    command(`commit(${fraction} of it)`, (model, { producer }) => {
      const claimed = model.claimed as number;
      const length = Math.floor(claimed * fraction);
      const start = model.claimOffset;
      for (let i = 0; i < length; i += 1) producer.memory[start + i] = i * 13 + claimed;
      const bytes = Buffer.from(producer.memory.subarray(start, start + length));
      if (length === claimed) producer.commit();
      else producer.commit(length);
      model.commit(bytes);
    }),
  );

const abort = (): Command =>
  withClaim(
    true,
    command('abort()', (model, { producer }) => {
      producer.abort();
      model.abort();
    }),
  );

const refusedByClaim = (payload: Payload): Command =>
  withClaim(
    true,
    command(`${payload} while a claim is open`, (_, { producer }) => {
      const refusal = { code: 'ERR_SHMRING_CLAIM_OPEN' };
      throws(() => producer.tryWrite(payload.input), refusal);
      throws(() => producer.tryWriteBatch([payload.input]), refusal);
      throws(() => producer.tryClaim(payload.byteLength), refusal);
    }),
  );

const tooLarge = (excess: number): Command =>
  withClaim(
    false,
    command(`tryWrite of ${excess} bytes too many`, (model, { producer }) => {
      const refusal = { code: 'ERR_SHMRING_TOO_LARGE' };
      const record = Buffer.alloc(model.maxRecord + excess);
      throws(() => producer.tryWrite(record), refusal);
      throws(() => producer.tryClaim(record.length), refusal);
      throws(() => producer.tryWriteBatch(['', record]), refusal);
    }),
  );

export function writeCommands(maxRecord: number): fc.Arbitrary<Command>[] {
  const anyPayload = payloads(maxRecord);
  return [
    anyPayload.map(write),
    anyPayload.map(write),
    fc.array(anyPayload, { maxLength: 12 }).map(writeBatch),
    lengths(maxRecord).map(waitForRoom),
    lengths(maxRecord).map(claim),
    fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })).map(commit),
    fc.constant(abort()),
    anyPayload.map(refusedByClaim),
    fc.integer({ min: 1, max: 10 }).map(tooLarge),
  ];
}
