// A Worker that blocks in one call of the package for ever, or calls again and again.
import { parentPort, workerData } from 'node:worker_threads';
import { Ring } from 'shmring';

const ring = Ring.open(workerData.name);
const calls = {
  waitSync: () => ring.consumer().waitSync(),
  drainSync: () => ring.consumer().drainSync(() => {}),
  writeSync() {
    const producer = ring.producer();
    while (producer.writeSync('x'));
  },
  busy() {
    const consumer = ring.consumer();
    for (;;) consumer.tryRead();
  },
};
parentPort.postMessage('begins');
calls[workerData.role]();
