// The main job of `npm start`: real records between two processes, compared, and then a kill.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { supported } from 'shmring';
import { readArguments, USAGE, UsageError } from './arguments.mjs';
import { Copies } from './copies.mjs';
import { grouped, killLines, resultLine, resultTable, showProgress, size } from './display.mjs';
import { killSenders } from './kill.mjs';
import { LONGEST_RECORD } from './lines.mjs';
import { machineLine } from './machine.mjs';
import { NumberCheck, RECORD_BYTES } from './numbered.mjs';
import { Peer, PeerError } from './peer.mjs';
import { runTransport, TRANSPORTS } from './race.mjs';
import { Scope } from './scope.mjs';

/**
 * @typedef {import('./race.mjs').Result} Result
 * @typedef {import('./receiving.mjs').Taker} Taker
 * @typedef {import('./sender.mjs').Loaded} Loaded
 * @typedef {import('./sender.mjs').Source} Source
 */

const HEADLINE_RECORDS = 1_000_000;
const NODE_MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));

const NEXT = `Three things to try next:
  npm start -- FILE…           the lines of your own files; --kills 20 for more kills
  npm run bench                what a record costs, beside a minimal ring in Rust
  npm test                     every test, the killing ones too`;

/** @param {string[]} args */
async function main(args) {
  // npm runs scripts in the package's folder and tells where the person is.
  const { help, kills, paths } = readArguments(args, process.env.INIT_CWD ?? process.cwd());
  if (help) return console.log(USAGE);
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) throw new UsageError(`There is no file ${missing}.`);
  if (supported !== true) throw new PeerError(`This machine cannot run it: ${supported}`);

  const scope = new Scope();
  console.log(`${machineLine()}\n`);
  const peer = new Peer(scope.start('./sender.mjs', [], 'pipe'));

  const lines = await load(peer, paths.length > 0 ? { paths } : { folder: NODE_MODULES });
  console.log(describe(lines, paths));
  if (lines.count === 0) throw new UsageError('There is no line to send: name other files.');
  const real = await race(scope, peer, new Copies(lines));

  await load(peer, { numbered: HEADLINE_RECORDS });
  console.log(`\n${grouped(HEADLINE_RECORDS)} records of ${grouped(RECORD_BYTES)} bytes:`);
  const headline = await race(scope, peer, new NumberCheck(HEADLINE_RECORDS));

  console.log('');
  const killed = await killSenders(scope, kills, (kill) => console.log(killLines(kill).join('\n')));
  const { delivered, repeated, damaged } = killed.tally;
  console.log(
    `  in all: acknowledged ${grouped(killed.acknowledged)}, delivered ${grouped(delivered)}, ` +
      `lost ${killed.lost}, repeated ${repeated}, damaged ${damaged}\n`,
  );

  console.log(resultTable('real lines', real));
  console.log(resultTable('1 KiB records', headline));
  console.log(
    'Inside the clock: from the order to go until the receiver has taken the last record, which is a copy of\n' +
      'its own of each line, or a look at both ends of each numbered record (and at all of every 64th).\n' +
      'Outside: reading and splitting the files, connecting, hashing.\n',
  );
  const good =
    [...real, ...headline].every((result) => result.good) && killed.lost + repeated + damaged === 0;
  console.log(good ? NEXT : 'NOT EVERYTHING ARRIVED AS IT WAS SENT: see above.');
  process.exit(good ? 0 : 1);
}

/**
 * @param {Peer} peer
 * @param {Source} source
 * @returns {Promise<Loaded>}
 */
async function load(peer, source) {
  const answer = peer.answer('loaded');
  peer.tell({ load: source });
  return /** @type {Loaded} */ ((await answer).loaded);
}

/**
 * @param {Loaded} loaded
 * @param {string[]} paths
 */
function describe({ count, bytes, files, cutShort, divided }, paths) {
  const where = paths.length > 0 ? 'named' : 'with source under node_modules';
  const notes = [
    ...(cutShort ? ['more there is, but the demo takes no more than this'] : []),
    ...(divided > 0
      ? [`${grouped(divided)} lines of more than ${grouped(LONGEST_RECORD)} bytes go in pieces`]
      : []),
  ];
  return [
    `${grouped(count)} lines (${size(bytes)}) of ${grouped(files)} ${files === 1 ? 'file' : 'files'} ${where}`,
    ...notes,
  ]
    .join('; ')
    .concat(':');
}

/**
 * @param {Scope} scope
 * @param {Peer} peer
 * @param {Taker} taker
 * @returns {Promise<Result[]>}
 */
async function race(scope, peer, taker) {
  /** @type {Result[]} */
  const results = [];
  for (const transport of TRANSPORTS) {
    const progress = showProgress(transport.title, taker.total);
    try {
      results.push(await runTransport(transport, { scope, peer, taker, onProgress: progress.update }));
    } finally {
      progress.end();
    }
    console.log(`  ${resultLine(/** @type {Result} */ (results.at(-1)))}`);
  }
  return results;
}

main(process.argv.slice(2)).catch((error) => {
  const expected = error instanceof UsageError || error instanceof PeerError;
  console.error(expected ? error.message : error);
  process.exit(1);
});
