import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readArguments } from '../../demo/arguments.mjs';
import { Copies, digestOf } from '../../demo/copies.mjs';
import { resultTable } from '../../demo/display.mjs';
import { namedFiles, sourceFiles } from '../../demo/files.mjs';
import { FrameReader, frame } from '../../demo/frames.mjs';
import { linesOf, readFiles } from '../../demo/lines.mjs';
import { NumberCheck, numberedRecords } from '../../demo/numbered.mjs';
import { receiveByStream } from '../../demo/receiving.mjs';
import { sendBatched, sendEach } from '../../demo/sending.mjs';
import { LARGEST, makeRecord, Tally } from '../../demo/tally.mjs';

type Records = ReturnType<typeof numberedRecords>;

const strings = (records: Records) =>
  Array.from({ length: records.count }, (_, index) => records.recordAt(index).toString());
const recordsOf = (...texts: string[]): Records => ({
  count: texts.length,
  bytes: Buffer.byteLength(texts.join('')),
  recordAt: (index) => Buffer.from(texts[index] ?? ''),
});
const copiesOf = (records: Records) =>
  new Copies({ count: records.count, bytes: records.bytes, digest: digestOf(records) });

describe('lines', () => {
  const split = (text: string, limits = {}) => linesOf(Buffer.from(text), limits);

  test.each([
    ['', []],
    ['one', ['one']],
    ['one\n', ['one']],
    ['one\n\ntwo\r\nthree', ['one', '', 'two\r', 'three']],
    ['\n\n', ['', '']],
  ])('of %j', (text, lines) => {
    const records = split(text);
    expect(strings(records)).toEqual(lines);
    expect(records.bytes).toBe(lines.join('').length);
    expect(records.cutShort).toBe(false);
  });

  test('longer than a record go in pieces, and are counted', () => {
    const records = split('abcdefg\nabcdef\nabc', { longest: 3 });
    expect(strings(records)).toEqual(['abc', 'def', 'g', 'abc', 'def', 'abc']);
    expect(records.divided).toBe(2);
  });

  test('beyond the limit are left, and that is told', () => {
    const records = split('1\n2\n3\n4\n', { mostRecords: 3 });
    expect(strings(records)).toEqual(['1', '2', '3']);
    expect(records.cutShort).toBe(true);
  });
});

describe('files', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shmring-demo-test-'));
    mkdirSync(join(folder, 'b'));
    for (const name of ['z.js', 'a.md', 'b/c.ts', 'image.png'])
      writeFileSync(join(folder, name), `in ${name}\n`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const relative = (files: string[]) => files.map((file) => file.slice(folder.length + 1));

  test('source files below a folder come in a fixed order', () => {
    expect(relative(sourceFiles(folder))).toEqual(['a.md', 'b/c.ts', 'z.js']);
  });

  test('a file that is named is taken whatever it is, a folder with all that is in it', () => {
    expect(relative(namedFiles([join(folder, 'image.png'), join(folder, 'b')]))).toEqual([
      'image.png',
      'b/c.ts',
    ]);
  });

  test('are read one behind the other up to the limit', () => {
    const files = sourceFiles(folder);
    expect(readFiles(files)).toMatchObject({ filesRead: 3, cutShort: false });
    expect(readFiles(files, 10)).toMatchObject({
      text: Buffer.from('in a.md\nin'),
      filesRead: 2,
      cutShort: true,
    });
  });
});

describe('the copies of the real stream', () => {
  const sent = recordsOf('ab', '', 'c', 'x'.repeat(100_000), 'end');

  function verdictOn(...arrived: string[]): boolean {
    const copies = copiesOf(sent);
    for (const text of arrived) copies.take(Buffer.from(`..${text}.`), 2, 2 + Buffer.byteLength(text));
    return copies.verdict().good;
  }

  test('are good when all is there', () => {
    expect(verdictOn(...strings(sent))).toBe(true);
  });

  test.each([
    ['joined', ['abc', '', '', 'x'.repeat(100_000), 'end']],
    ['swapped', ['', 'ab', 'c', 'x'.repeat(100_000), 'end']],
    ['damaged', ['aB', '', 'c', 'x'.repeat(100_000), 'end']],
    ['missing', ['ab', '', 'c', 'x'.repeat(100_000)]],
    ['repeated', ['ab', '', 'c', 'x'.repeat(100_000), 'end', 'end']],
  ])('are not when a record is %s', (_, arrived) => {
    expect(verdictOn(...arrived)).toBe(false);
  });

  test('can be cleared for the next transport', () => {
    const copies = copiesOf(sent);
    for (let round = 0; round < 2; round += 1) {
      copies.clear();
      for (let i = 0; i < sent.count; i += 1) copies.take(sent.recordAt(i), 0, sent.recordAt(i).length);
      expect(copies.verdict()).toEqual({ good: true, says: 'SHA-256 equal' });
    }
  });
});

describe('the check of numbered records', () => {
  function verdictOn(change: (arrived: Buffer[]) => void): boolean {
    const records = numberedRecords(100);
    const arrived = Array.from({ length: 100 }, (_, index) => Buffer.from(records.recordAt(index)));
    change(arrived);
    const check = new NumberCheck(100);
    for (const record of arrived) check.take(record, 0, record.length);
    return check.verdict().good;
  }

  test('is good when all is there', () => {
    expect(verdictOn(() => {})).toBe(true);
  });

  test.each<[string, (arrived: Buffer[]) => void]>([
    ['missing', (arrived) => arrived.splice(50, 1)],
    ['repeated', (arrived) => arrived.splice(50, 0, arrived[50] as Buffer)],
    ['out of order', (arrived) => arrived.splice(50, 2, arrived[51] as Buffer, arrived[50] as Buffer)],
    ['too short', (arrived) => arrived.splice(50, 1, (arrived[50] as Buffer).subarray(1))],
    ['damaged at its end', (arrived) => arrived[50]?.fill(0, 1023)],
    ['damaged in the middle, where all of it is compared', (arrived) => arrived[64]?.fill(0, 500, 600)],
  ])('is not when a record is %s', (_, change) => {
    expect(verdictOn(change)).toBe(false);
  });
});

describe('frames', () => {
  const texts = ['', 'a', 'bc'.repeat(40), '', 'ü', 'z'.repeat(300)];

  test.each([1, 2, 3, 5, 64, 10_000])('are found in chunks of %i bytes', (size) => {
    const found: string[] = [];
    const reader = new FrameReader((memory, start, end) => found.push(memory.toString('utf8', start, end)));
    const stream = Buffer.concat(texts.map((text) => frame(Buffer.from(text))));
    for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
    expect(found).toEqual(texts);
  });

  test.each([
    ['a write a record', sendEach],
    ['batches', sendBatched],
  ])('carry every record through a stream that pushes back: %s', async (_, send) => {
    const sent = recordsOf(...texts, 'x'.repeat(70_000), ...texts, 'y'.repeat(65_532), 'end');
    const stream = new PassThrough({ highWaterMark: 1000 });
    const copies = copiesOf(sent);
    await Promise.all([receiveByStream(stream, copies, () => {}), send(sent, stream)]);
    expect(copies.verdict()).toEqual({ good: true, says: 'SHA-256 equal' });
  });

  test('in batches are far fewer writes', async () => {
    let writes = 0;
    const counting = () =>
      new Writable({
        write(_chunk, _encoding, done) {
          writes += 1;
          done();
        },
      });
    await sendBatched(numberedRecords(630), counting());
    expect(writes).toBe(10);
  });
});

describe('the tally of a stream whose senders are killed', () => {
  const scratch = Buffer.alloc(LARGEST);

  function tallyOf(...numbers: number[]): Tally {
    const tally = new Tally();
    for (const number of numbers) {
      const record = makeRecord(scratch, number);
      tally.take(record, 0, record.length);
    }
    return tally;
  }

  test('all there', () => {
    const tally = tallyOf(0, 1, 2, 3);
    expect(tally).toMatchObject({ delivered: 4, repeated: 0, skipped: 0, damaged: 0 });
    expect(tally.lost(4)).toBe(0);
  });

  test('one more than was acknowledged is not lost', () => {
    expect(tallyOf(0, 1, 2, 3).lost(3)).toBe(0);
  });

  test('acknowledged records that never came are lost, at the end and in between', () => {
    expect(tallyOf(0, 1).lost(4)).toBe(2);
    expect(tallyOf(0, 1, 4, 5).lost(6)).toBe(2);
    expect(tallyOf().lost(3)).toBe(3);
  });

  test('repeated records are counted', () => {
    expect(tallyOf(0, 1, 1, 0, 2)).toMatchObject({ delivered: 3, repeated: 2, skipped: 0 });
  });

  test('torn and damaged records are counted', () => {
    const tally = tallyOf(0);
    const record = Buffer.from(makeRecord(scratch, 1));
    tally.take(record, 0, record.length - 1);
    record[record.length - 1] = 0xff;
    tally.take(record, 0, record.length);
    tally.take(record, 0, 3);
    expect(tally).toMatchObject({ delivered: 1, damaged: 3 });
    expect(tally.lost(2)).toBe(1);
  });
});

test('the table compares with the pipe', () => {
  const result = { records: 10, bytes: 2e9, good: true, says: 'SHA-256 equal' };
  const table = resultTable('records', [
    { ...result, title: 'ring', seconds: 0.5 },
    { ...result, title: 'stdio pipe', seconds: 4 },
  ]);
  const rows = table.split('\n').filter((line) => line.includes('SHA-256'));
  expect(rows[0]).toMatch(/ring .* 20 .* 4\.000 .* 8\.0 /);
  expect(rows[1]).toMatch(/stdio pipe .* 1\.0 /);
});

describe('arguments', () => {
  test('paths are relative to where the person is', () => {
    expect(readArguments(['a.log', '/b.log', '--kills', '3'], '/home/me')).toEqual({
      help: false,
      kills: 3,
      paths: ['/home/me/a.log', '/b.log'],
    });
  });

  test.each([[['--kills', '0']], [['--kills', 'many']], [['--unknown']]])('%j is refused', (args) => {
    expect(() => readArguments(args, '/')).toThrow(/kills|unknown/);
  });
});
