import { describe, expect, test } from 'vitest';
import { isRead, isWritten, WRITERS } from '../golden/checks.mjs';
import { differenceOf, parse, textOf } from '../golden/segment.mjs';
import '../helpers/scratch.js';

describe.each(['spsc', 'mpsc'] as const)('the golden segment of kind %s', (kind) => {
  test.each(WRITERS)('is written byte for byte by %s', (writers) => {
    isWritten(kind, writers);
  });

  test.each(WRITERS)('is read and used again by %s', (writers) => {
    isRead(kind, writers);
  });

  test('is compared whole, but for what varies', () => {
    const golden = parse(textOf(`${kind}.written`));
    expect(golden.any.size).toBeGreaterThan(0);
    for (let at = 0; at < golden.bytes.length; at += kind === 'spsc' ? 1 : 61) {
      const other = Buffer.from(golden.bytes);
      other[at] = (other[at] as number) ^ 0x10;
      if (golden.any.has(at)) expect(differenceOf(golden, other)).toBeUndefined();
      else expect(differenceOf(golden, other)).toContain(`byte 0x${at.toString(16)} `);
    }
  });
});
