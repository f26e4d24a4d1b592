// One set-up at a time in one working tree.
//
// The lock is an abstract Unix socket whose name is derived from the tree's path: the kernel lets
// only one process bind it and frees it when that process is gone, whatever killed it, so a lock
// left behind does not exist. Whoever waits connects, and learns of the end by the connection's.
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { connect, createServer } from 'node:net';

/**
 * Waits until no other set-up runs in this tree.
 *
 * @param {string} root
 * @param {() => void} [onWait] called once, when another one holds the lock
 * @returns {Promise<() => void>} releases the lock
 */
export async function lock(root, onWait = () => {}) {
  const address = `\0shmring-set-up-${createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 32)}`;
  for (let waited = false; ; waited = true) {
    const release = await tryLock(address);
    if (release !== undefined) return release;
    if (!waited) onWait();
    await endOfHolder(address);
  }
}

/**
 * @param {string} address
 * @returns {Promise<(() => void) | undefined>}
 */
function tryLock(address) {
  return new Promise((resolve, reject) => {
    /** @type {Set<import('node:net').Socket>} */
    const waiting = new Set();
    const server = createServer((socket) => {
      waiting.add(socket);
      socket
        .unref()
        .on('error', () => {})
        .on('close', () => waiting.delete(socket));
    });
    server.on('error', (error) => {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => {
      server.unref();
      resolve(() => {
        server.close();
        for (const socket of waiting) socket.destroy();
      });
    });
  });
}

/**
 * @param {string} address
 * @returns {Promise<void>}
 */
function endOfHolder(address) {
  return new Promise((resolve) => {
    const socket = connect(address);
    // An error is an end too: the holder went before the connection was there.
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
  });
}
