// The same records through a ring, a pipe and a socket, one transport after the other, on one clock.
//
// The clock runs from the order to go until the receiver has taken the last record. Everything that
// can be done before (reading, splitting, connecting) or after (hashing) is outside of it.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Ring } from 'shmring';
import { receiveByRing, receiveByStream } from './receiving.mjs';

/**
 * @typedef {import('./scope.mjs').Scope} Scope
 * @typedef {import('./peer.mjs').Peer} Peer
 * @typedef {import('./receiving.mjs').Taker} Taker
 * @typedef {import('./sender.mjs').Way} Way
 * @typedef {{ title: string, records: number, bytes: number, seconds: number, good: boolean, says: string }} Result
 * @typedef {{ scope: Scope, peer: Peer, taker: Taker, onProgress: (count: number) => void }} Between
 */

/** The transports in the order in which they run. The pipe is what the others are compared with. */
export const TRANSPORTS = /** @type {const} */ ([
  { title: 'ring', by: 'ring', batched: false },
  { title: 'stdio pipe', by: 'pipe', batched: false },
  { title: 'stdio pipe, 64 KiB batches', by: 'pipe', batched: true },
  { title: 'Unix socket', by: 'socket', batched: false },
  { title: 'Unix socket, 64 KiB batches', by: 'socket', batched: true },
]);

/**
 * Sends what the sender has loaded through one transport.
 *
 * @param {(typeof TRANSPORTS)[number]} transport
 * @param {Between} between
 * @returns {Promise<Result>}
 */
export async function runTransport({ title, by, batched }, between) {
  const { peer, taker } = between;
  taker.clear();
  const { address, receive, close } = await open[by](between);
  try {
    const ready = peer.answer('ready');
    peer.tell({ open: { by, batched, address } });
    await ready;
    const sent = peer.answer('sent');
    const begun = performance.now();
    peer.tell({ go: true });
    await peer.unlessItFails(receive());
    const seconds = (performance.now() - begun) / 1000;
    await sent;
    return { title, records: taker.count, bytes: taker.bytes, seconds, ...taker.verdict() };
  } finally {
    close();
  }
}

/**
 * How each transport is opened on this side. `receive` is called once the sender is ready.
 *
 * @type {Record<Way['by'], (between: Between) => Promise<{ address: string, receive: () => Promise<void>, close: () => void }>>}
 */
const open = {
  ring: async ({ scope, taker, onProgress }) => {
    const ring = Ring.temporary({ kind: 'spsc' });
    scope.defer(() => Ring.unlink(ring.name));
    const consumer = ring.consumer({ label: 'demo receiver' });
    return {
      address: ring.name,
      receive: () => receiveByRing(consumer, taker, onProgress),
      close: () => ring.close(),
    };
  },

  pipe: async ({ peer, taker, onProgress }) => ({
    address: '',
    receive: () => receiveByStream(peer.output, taker, onProgress),
    close: () => {},
  }),

  socket: async ({ scope, taker, onProgress }) => {
    const address = join(scope.folder, 'socket');
    const server = createServer({ pauseOnConnect: true }).listen(address);
    await once(server, 'listening');
    /** @type {Promise<import('node:net').Socket>} */
    const connected = new Promise((resolve) => server.once('connection', resolve));
    return {
      address,
      receive: async () => {
        const socket = await connected;
        await receiveByStream(socket, taker, onProgress);
      },
      close: () => server.close(),
    };
  },
};
