import fc from 'fast-check';

/** A record as an arbitrary makes it: small to shrink and to print, bytes on demand. */
export class Payload {
  constructor(
    readonly text: string | undefined,
    readonly byteLength: number,
    readonly salt: number,
  ) {}

  /** What a reader must get. */
  get bytes(): Buffer {
    if (this.text !== undefined) return Buffer.from(this.text, 'utf8');
    const bytes = Buffer.alloc(this.byteLength);
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = this.salt + i * 31 + (i >> 8);
    return bytes;
  }

  /** What is given to the ring: a string, or the bytes as one kind of view or another. */
  get input(): string | NodeJS.ArrayBufferView {
    if (this.text !== undefined) return this.text;
    const { bytes, salt } = this;
    if (salt % 3 === 0) return bytes;
    if (salt % 3 === 1) return new DataView(Uint8Array.from(bytes).buffer);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 1), 1);
    shared.set(bytes);
    return shared;
  }

  toString(): string {
    if (this.text !== undefined) return JSON.stringify(this.text);
    return `${this.byteLength} bytes of ${this.salt}`;
  }
}

/** Lengths that matter: small, around a word and a line, around half and the whole of the ring. */
export function lengths(maxRecord: number): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 72 }) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: maxRecord >> 2 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: maxRecord }) },
    { weight: 1, arbitrary: fc.integer({ min: (maxRecord >> 1) - 16, max: (maxRecord >> 1) + 16 }) },
    { weight: 1, arbitrary: fc.integer({ min: maxRecord - 16, max: maxRecord }) },
  );
}

/** Strings of any UTF-16 units, lone surrogates among them. */
const texts = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0x20, max: 0x7e }),
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0xd800, max: 0xdfff }),
    ),
    { maxLength: 40 },
  )
  .map((units) => String.fromCharCode(...units));

export function payloads(maxRecord: number): fc.Arbitrary<Payload> {
  const views = fc
    .tuple(lengths(maxRecord), fc.integer({ min: 0, max: 255 }))
    .map(([length, salt]) => new Payload(undefined, length, salt));
  const strings = texts.map((text) => new Payload(text, Buffer.byteLength(text), 0));
  return fc.oneof({ weight: 3, arbitrary: views }, { weight: 1, arbitrary: strings });
}
