// A thread that runs out of time (`node:vm`) is stopped for good, and no `finally` runs on the way out.
import vm from 'node:vm';
import { type Batch, type Consumer, Ring } from 'shmring';
import { describe, expect, test } from 'vitest';
import { WriteQueue } from '../../dist/write-queue.js';
import { codeOf } from '../helpers/errors.js';
import { eachKind } from '../helpers/kinds.js';
import { closing, drainStrings } from '../helpers/rings.js';

/** Runs `body`, a loop without an end, and stops it. */
function cutOff(globals: object, body: string): void {
  const script = new vm.Script(body);
  expect(() => script.runInContext(vm.createContext({ ...globals }), { timeout: 20 })).toThrow(
    expect.objectContaining({ code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' }),
  );
}

/** Stops a drain in its handler, after so many records. */
function cutOffDrain(consumer: Consumer, after: number, then = ''): void {
  cutOff(
    { consumer, after },
    `let seen = 0; consumer.drain(() => { if (seen++ === after) { ${then}; for (;;); } })`,
  );
}

const turn = () => Promise.resolve();

eachKind(({ createEnds }) => {
  function filled() {
    const ends = createEnds();
    for (const record of ['0', '1', '2']) ends.producer.tryWrite(record);
    return ends;
  }

  describe('a consumer whose drain ran out of time', () => {
    const READS: [string, (consumer: Consumer) => unknown][] = [
      ['drain', (consumer) => drainStrings(consumer)],
      ['tryRead', (consumer) => [consumer.tryRead(), consumer.tryRead(), consumer.tryRead()].map(String)],
      ['drainSync', (consumer) => consumer.drainSync(() => {}) && ['0', '1', '2']],
      [
        'peek',
        (consumer) => {
          const batch = consumer.peek() as Batch;
          batch.release();
          return Array.from({ length: batch.count }, (_, i) => String(i));
        },
      ],
    ];
    test.each(READS)('reads in the next turn, by %s, what its handler had not finished', async (_, read) => {
      const { ring, producer, consumer } = filled();
      cutOffDrain(consumer, 0);
      expect(codeOf(() => consumer.tryRead())).toBe('REENTRANT');
      await turn();
      expect(read(consumer)).toEqual(['0', '1', '2']);
      producer.tryWrite('more');
      expect(consumer.tryRead()?.toString()).toBe('more');
      expect(ring.stats()).toMatchObject({ written: 4, read: 4, recordsWaiting: 0 });
    });

    test('reads in a callback of whatever kind comes next', async () => {
      const { consumer } = filled();
      for (const next of [setTimeout, setImmediate, process.nextTick, queueMicrotask]) {
        cutOffDrain(consumer, 1);
        await new Promise<void>((resolve) => (next as (action: () => void) => void)(resolve));
        expect(consumer.peek()?.release(0), next.name).toBeUndefined();
      }
      expect(drainStrings(consumer)).toEqual(['0', '1', '2']);
    });

    test('is closed by close(), and a successor gets the slot', async () => {
      const { ring, consumer } = filled();
      cutOffDrain(consumer, 1);
      await turn();
      consumer.close();
      expect(drainStrings(ring.consumer())).toEqual(['0', '1', '2']);
    });

    test('is closed with its ring, when the turn is over', async () => {
      const { ring, consumer } = filled();
      cutOffDrain(consumer, 1);
      ring.close();
      expect(consumer.closed).toBe(true);
      await turn();
      expect(codeOf(() => consumer.tryRead())).toBe('CLOSED');
      expect(drainStrings(closing(Ring.open(ring.name)).consumer())).toEqual(['0', '1', '2']);
    });

    test('closes by itself when its handler had asked for it', async () => {
      const { ring, consumer } = filled();
      cutOffDrain(consumer, 1, 'consumer.close()');
      expect(consumer.closed).toBe(true);
      expect(codeOf(() => ring.consumer())).toBe('BUSY');
      await turn();
      const successor = ring.consumer();
      expect(codeOf(() => consumer.tryRead())).toBe('CLOSED');
      expect(drainStrings(successor)).toEqual(['0', '1', '2']);
    });

    test('is still refused inside a drain that goes on, in any turn', async () => {
      const { consumer } = filled();
      cutOffDrain(consumer, 0);
      await turn();
      const inside = () => expect(codeOf(() => consumer.tryRead())).toBe('REENTRANT');
      expect(
        consumer.drain(() => {
          inside();
          return false;
        }),
      ).toBe(1);
      expect(drainStrings(consumer)).toEqual(['1', '2']);
    });
  });
});

describe('a queue of writes that ran out of time', () => {
  // Not from the package's face: where it is stopped is a matter of chance there.
  type Sink = ConstructorParameters<typeof WriteQueue>[0];

  function stopped(put: (written: string[]) => void) {
    const written: string[] = [];
    let stop = true;
    let room = false;
    const sink: Sink = {
      put(record) {
        if (stop) {
          put(written);
          for (;;);
        }
        written.push(String(record));
        return true;
      },
      hasRoom: () => room,
      consumerAlive: () => true,
      position: () => written.length,
    };
    const queue = new WriteQueue(sink, {
      maxRecords: Number.POSITIVE_INFINITY,
      maxBytes: Number.POSITIVE_INFINITY,
    });
    const outcome = queue.push('once', 4, {
      timeoutMs: Number.POSITIVE_INFINITY,
      signal: undefined,
      requireConsumer: false,
    });
    room = true;
    cutOff({ queue }, 'queue.pump()');
    stop = false;
    return { written, outcome };
  }

  test('after a record was written does not write it again', async () => {
    const { written, outcome } = stopped((written) => written.push('once'));
    expect(await outcome).toBe(true);
    expect(written).toEqual(['once']);
  });

  test('before a record was written writes it', async () => {
    const { written, outcome } = stopped(() => {});
    expect(await outcome).toBe(true);
    expect(written).toEqual(['once']);
  });
});
