// Times calls across the border between JavaScript and native code, alone on one thread: an addon whose
// functions do a little more each, then the package's own calls, into a ring until it is full.
import { Ring } from '../dist/index.js';

const { addon, name, rounds } = JSON.parse(process.argv[2]);

const CALLS = 100_000;
const BATCH = 64;
const CAPACITY = 1 << 18;

const module = { exports: {} };
process.dlopen(module, addon);
const steps = module.exports;

const GERMAN =
  'Die Straße führt über die Brücke nach Köln, und größer als sonst fällt hier der späte Schatten auf das Gemäuer, so schön wie je.';
const ascii = 'a'.repeat(120);
const records = {
  'a Buffer of 64 B': Buffer.alloc(64, 'a'),
  '120 ASCII characters': Buffer.alloc(120, 'a').toString('latin1'),
  // V8 keeps what was once part of such a string in two bytes a character.
  'as many, in two bytes each': Buffer.from(`\u0416${ascii}`, 'utf16le').toString('utf16le').slice(1),
  '120 Latin-1 characters': Buffer.from(GERMAN.slice(0, 120)).toString(),
  '120 characters, some of 2 to 4 bytes': Buffer.from(
    'a\u00e9\u20ac\ud83d\ude00 lorem ipsum'.repeat(8).slice(0, 120),
  ).toString(),
};

let sites = 0;

/**
 * A loop of its own for each thing that is timed. NB: where a call in compiled code has met several
 * functions, Node-API takes 11 ns more for it.
 */
function loop(body, ...names) {
  return new Function(...names, 'count', `// ${++sites}\n${body}`);
}

/** The best of many runs of `run`, which returns how many things it did, each after `prepare`. */
function best(run, prepare = () => undefined) {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    prepare();
    const start = process.hrtime.bigint();
    const count = run();
    const each = Number(process.hrtime.bigint() - start) / count;
    // The first rounds are compiled meanwhile.
    if (round >= rounds / 4) least = Math.min(least, each);
  }
  return least;
}

function step(name, record) {
  const call = loop('for (let i = 0; i < count; i++) step(3, record); return count;', 'step', 'record');
  return best(() => call(steps[name], record, CALLS));
}

const nothing = () => undefined;

/** What the package's calls cost in a ring of this kind. */
function ringFigures(kind) {
  const ring = Ring.create(`${name}-${kind}`, { kind, capacity: CAPACITY, lifetime: 'attached' });
  const [producer, consumer] = [ring.producer(), ring.consumer()];
  const empty = () => {
    while (consumer.drain(nothing) > 0);
  };
  const figures = {};
  for (const [what, record] of Object.entries(records)) {
    const write = loop(
      'let n = 0; while (n < count && producer.tryWrite(record)) n++; return n;',
      'producer',
      'record',
    );
    figures[what] = best(() => write(producer, record, CALLS), empty);
  }
  const claim = loop(
    `let n = 0;
    for (; n < count; n++) {
      const at = producer.tryClaim(64);
      if (at < 0) break;
      memory[at] = n;
      producer.commit();
    }
    return n;`,
    'producer',
    'memory',
  );
  figures['a claim of 64 B, one byte written, commit'] = best(
    () => claim(producer, producer.memory, CALLS),
    empty,
  );
  const batch = Array.from({ length: BATCH }, () => Buffer.alloc(64, 'a'));
  const write = loop(
    `let n = 0;
    while (n < count && producer.tryWriteBatch(batch) === batch.length) n += batch.length;
    return n;`,
    'producer',
    'batch',
  );
  figures[`a Buffer of 64 B in a batch of ${BATCH}`] = best(() => write(producer, batch, CALLS), empty);
  ring.close();
  return figures;
}

const [bytes, text] = [records['a Buffer of 64 B'], records['120 ASCII characters']];
const figures = {
  steps: {
    'an empty call': step('empty', bytes),
    '+ its arguments': step('values', bytes),
    "+ the handle's number": step('handle', bytes),
    '+ address and length, by napi_get_typedarray_info': step('typedArray', bytes),
    '  or by napi_get_buffer_info': step('buffer', bytes),
    "+ a string's length": step('length', text),
  },
  strings: Object.fromEntries(
    Object.entries(records)
      .filter(([, record]) => typeof record === 'string')
      .map(([what, record]) => [
        what,
        { utf8: step('utf8', record), utf16: step('utf16', record), latin1: step('latin1', record) },
      ]),
  ),
  spsc: ringFigures('spsc'),
  mpsc: ringFigures('mpsc'),
};
console.log(JSON.stringify(figures));
