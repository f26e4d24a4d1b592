// The child process that sends. It has its records ready in memory before it is told to begin.
//
// Told by messages: `load`, then for each transport `open` (answered by `ready`) and `go` (by `sent`).
import { once } from 'node:events';
import { connect } from 'node:net';
import { Ring } from 'shmring';
import { digestOf } from './copies.mjs';
import { namedFiles, sourceFiles } from './files.mjs';
import { linesOf, readFiles } from './lines.mjs';
import { numberedRecords } from './numbered.mjs';
import { sendBatched, sendByRing, sendEach } from './sending.mjs';

/**
 * @typedef {{ folder: string } | { paths: string[] } | { numbered: number }} Source
 * @typedef {{ count: number, bytes: number, digest: string, files: number, cutShort: boolean, divided: number }} Loaded
 * @typedef {{ by: 'ring' | 'pipe' | 'socket', batched: boolean, address: string }} Way
 * @typedef {{ load: Source } | { open: Way } | { go: true }} Order
 */

/** @type {import('./lines.mjs').Records} */
let records = numberedRecords(0);
/** @type {() => Promise<void>} */
let send = async () => {};

/**
 * @param {Source} source
 * @returns {Loaded}
 */
function load(source) {
  if ('numbered' in source) {
    records = numberedRecords(source.numbered);
    return { count: records.count, bytes: records.bytes, digest: '', files: 0, cutShort: false, divided: 0 };
  }
  const files = 'folder' in source ? sourceFiles(source.folder) : namedFiles(source.paths);
  const { text, filesRead, cutShort } = readFiles(files);
  const lines = linesOf(text);
  records = lines;
  const { count, bytes, divided } = lines;
  return {
    ...{ count, bytes, divided, files: filesRead },
    digest: digestOf(lines),
    cutShort: cutShort || lines.cutShort,
  };
}

/** @param {Way} way */
async function open({ by, batched, address }) {
  if (by === 'ring') {
    const ring = Ring.open(address);
    const producer = ring.producer({ label: 'demo sender' });
    send = async () => {
      sendByRing(records, producer);
      ring.close();
    };
    return;
  }
  const sendOn = batched ? sendBatched : sendEach;
  if (by === 'pipe') {
    send = () => sendOn(records, process.stdout);
    return;
  }
  const socket = connect(address);
  await once(socket, 'connect');
  send = async () => {
    await sendOn(records, socket);
    socket.end();
  };
}

/** @param {Order} order */
async function obey(order) {
  if ('load' in order) return { loaded: load(order.load) };
  if ('open' in order) return { ready: await open(order.open).then(() => true) };
  await send();
  return { sent: true };
}

process.on('message', (/** @type {Order} */ order) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error) => process.send?.({ error: error.message }),
  );
});
// Ctrl-C reaches every process of the terminal; the receiver decides what becomes of it.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
