import { describe, expect, test } from 'vitest';
import { Checker, NO_FAULTS } from '../helpers/checker.mjs';
import { fillRecord, HEADER_BYTES, lengthOf } from '../helpers/record.mjs';
import { randomFrom, seedFor } from '../helpers/seed.js';

interface Made {
  bytes: Buffer;
  position?: number;
}

function record(producer: number, sequence: number, length?: number): Made {
  const bytes = Buffer.alloc(length ?? lengthOf(producer, sequence, 1000));
  fillRecord(bytes, 0, producer, sequence, bytes.length);
  return { bytes };
}

function stream(count: number, producer = 1): Made[] {
  let position = 0;
  return Array.from({ length: count }, (_, sequence) => {
    const made = { ...record(producer, sequence), position };
    position += 1 + Math.ceil(made.bytes.length / 8);
    return made;
  });
}

function check(records: Made[], counts: Record<number, number> = {}): Checker {
  const checker = new Checker();
  for (const { bytes, position } of records) checker.accept(bytes, 0, bytes.length, position);
  for (const [producer, count] of Object.entries(counts)) checker.finish(Number(producer), count);
  return checker;
}

/** The faults found, without those that are zero and without the words. */
function faultsOf(records: Made[], counts: Record<number, number> = {}): Record<string, number> {
  const { faults, ...numbers } = check(records, counts).verdict();
  const found = Object.entries(numbers).filter(([, count]) => count !== 0);
  expect(faults.length > 0).toBe(found.length > 0);
  return Object.fromEntries(found);
}

const unplaced = (records: Made[]): Made[] => records.map(({ bytes }) => ({ bytes }));

describe('the checker', () => {
  test('finds nothing wrong with a whole stream of records of every size', () => {
    const records = stream(2000);
    const checker = check(records, { 1: 2000 });
    expect(checker.verdict()).toEqual(NO_FAULTS);
    expect(checker.records).toBe(2000);
    const sizes = new Set(records.map(({ bytes }) => bytes.length));
    expect(sizes.has(HEADER_BYTES)).toBe(true);
    expect(sizes.size).toBeGreaterThan(100);
  });

  test('finds nothing wrong with interleaved producers that are each in order', () => {
    const [a, b] = [unplaced(stream(100, 1)), unplaced(stream(100, 2))];
    expect(
      faultsOf(
        a.flatMap((made, i) => [made, b[i] as Made]),
        { 1: 100, 2: 100 },
      ),
    ).toEqual({});
  });

  test('counts each record that was left out', () => {
    const records = stream(100);
    records.splice(40, 3);
    records.splice(10, 1);
    expect(faultsOf(records, { 1: 100 })).toEqual({ lost: 4 });
  });

  test('counts the records that are missing at the end', () => {
    expect(faultsOf(stream(98), { 1: 100 })).toEqual({ lost: 2 });
  });

  test('finds records that nobody wrote', () => {
    expect(faultsOf(stream(101), { 1: 100 })).toEqual({ repeated: 1 });
  });

  test('counts each record that comes again', () => {
    const records = unplaced(stream(100));
    records.splice(50, 0, ...records.slice(45, 50));
    expect(faultsOf(records, { 1: 100 })).toEqual({ repeated: 5 });
  });

  test('tells two records that changed places from a lost one and a repeated one', () => {
    const records = unplaced(stream(100));
    [records[30], records[31]] = [records[31] as Made, records[30] as Made];
    expect(faultsOf(records, { 1: 100 })).toEqual({ reordered: 1 });
  });

  test('counts each record of a block that comes late', () => {
    const records = unplaced(stream(100));
    records.splice(60, 0, ...records.splice(20, 5));
    expect(faultsOf(records, { 1: 100 })).toEqual({ reordered: 5 });
  });

  test('finds a position that does not grow', () => {
    const records = stream(10);
    (records[5] as Made).position = records[4]?.position as number;
    expect(faultsOf(records, { 1: 10 })).toEqual({ misplaced: 1 });
  });

  test('finds every single bit that is flipped', () => {
    for (const length of [16, 17, 19, 20, 64, 101]) {
      const { bytes } = record(3, 7, length);
      for (let bit = 0; bit < length * 8; bit += 1) {
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(check([{ bytes }]).torn, `bit ${bit} of ${length} bytes`).toBe(1);
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      }
    }
  });

  test('finds a record that is the beginning of one and the end of another', () => {
    const random = randomFrom(seedFor('checker, two halves'));
    for (let round = 0; round < 2000; round += 1) {
      const length = 24 + Math.floor(random() * 100);
      const sequence = Math.floor(random() * 1e6);
      const [older, newer] = [record(1, sequence, length), record(1, sequence + 1, length)];
      const seam = 5 + Math.floor(random() * (length - 5));
      const bytes = Buffer.concat([newer.bytes.subarray(0, seam), older.bytes.subarray(seam)]);
      const torn = bytes.equals(newer.bytes) || bytes.equals(older.bytes) ? 0 : 1;
      expect(check([{ bytes }]).torn, `seam at ${seam} of ${length}`).toBe(torn);
    }
  });

  test('finds a record that is cut short, too long or nothing but zeros', () => {
    const { bytes } = record(1, 0, 64);
    const wrong = [
      bytes.subarray(0, 63),
      bytes.subarray(0, 15),
      bytes.subarray(0, 0),
      Buffer.concat([bytes, Buffer.alloc(1)]),
      Buffer.alloc(64),
    ];
    for (const bad of wrong) expect(check([{ bytes: bad }]).torn).toBe(1);
  });

  test('keeps the first faults in words and does not grow with their number', () => {
    const records = stream(5000).filter((_, i) => i % 2 === 1);
    const { lost, faults } = check(records).verdict();
    expect(lost).toBe(2500);
    expect(faults).toHaveLength(5);
    expect(faults[0]).toContain('jumps from 0 to 1');
  });
});
