// The same records through a ring, a pipe and a socket, one transport after the other, on one clock.
//
// The clock runs from the order to go until the receiver has taken the last record. Everything that
// can be done before (reading, splitting, connecting) or after (hashing) is outside of it.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Ring } from 'shmring';
import { PeerError } from './peer.mjs';
import { receiveByRing, receiveByStream } from './receiving.mjs';

/** Nothing on the way takes longer than this. */
const PATIENCE_MS = 2_000;

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
    await peer.unlessItFails(Promise.race([receive(), sent.then(() => missing(taker))]));
    const seconds = (performance.now() - begun) / 1000;
    await sent;
    return { title, records: taker.count, bytes: taker.bytes, seconds, ...taker.verdict() };
  } finally {
    close();
  }
}

/**
 * Rejects when everything was sent but no more comes. Of what comes, the receiver decides when it is all.
 *
 * @param {Taker} taker
 * @returns {Promise<never>}
 */
async function missing(taker) {
  for (let before = -1; before !== taker.count; ) {
    before = taker.count;
    await delay(PATIENCE_MS);
  }
  throw new PeerError(`Only ${taker.count} of ${taker.total} records arrived, though all were sent.`);
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
