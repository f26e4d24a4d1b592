// Values of every sort as arguments. What cannot be printed or shared is made when it is given.
import fc from 'fast-check';

/** A value that is made anew for each call. */
export class Recipe {
  constructor(readonly make: () => unknown) {}

  /** For fast-check, which prints what failed. */
  [fc.toStringMethod](): string {
    return String(this.make);
  }
}

/** The error of a getter; it must come through untouched. */
export class FromGetter extends Error {}

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function detached(): unknown {
  const view = new Uint8Array(16);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

function outOfBounds(): unknown {
  const buffer = Reflect.construct(ArrayBuffer, [16, { maxByteLength: 64 }]);
  const view = new Uint8Array(buffer, 8);
  buffer.resize(4);
  return view;
}

/** Numbers at which something might turn. */
const numbers = fc.oneof(
  fc.constantFrom(
    0,
    -0,
    1,
    7,
    8,
    9,
    4087,
    4088,
    4089,
    4096,
    -1,
    0.5,
    5e-324,
    Number.NaN,
    Infinity,
    -Infinity,
  ),
  fc.constantFrom(2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 8, 2 ** 53, -(2 ** 53), 1e300),
  fc.double({ max: 65536 }),
);

const oddities = fc
  .constantFrom<() => unknown>(
    () => revoked({}),
    () => revoked(() => {}),
    () => revoked([]),
    () => new Proxy([], {}),
    () => new Proxy(new Uint8Array(8), {}),
    detached,
    outOfBounds,
    () => new SharedArrayBuffer(8),
    () => new Uint8Array(new SharedArrayBuffer(8)),
    () => new DataView(new ArrayBuffer(8), 3),
    () => new Float64Array(3),
    () => Object.create(AbortSignal.prototype),
    () => AbortSignal.abort(),
    () => new AbortController().signal,
    () => Symbol('s'),
    () => () => undefined,
    () => () => false,
    () => class {},
    () => Promise.resolve(1),
    () => Object.create(null),
    () => new Date(Number.NaN),
  )
  .map((make) => new Recipe(make));

const words = fc.constantFrom('spsc', 'mpsc', 'group', 'inspect', 'attached', 'no-producers', '', 'a/b', 'ä');
const records = fc.array(fc.oneof(fc.string(), fc.uint8Array(), numbers), { maxLength: 5 });
const everything = { withBigInt: true, withDate: true, withMap: true, withSet: true };
const more = { withTypedArray: true, withSparseArray: true, withNullPrototype: true, withBoxedValues: true };

const anything = fc.oneof(
  { weight: 2, arbitrary: numbers },
  { weight: 4, arbitrary: oddities },
  {
    weight: 1,
    arbitrary: fc.oneof(words, fc.string({ maxLength: 20 }), fc.constantFrom(undefined, null, true)),
  },
  { weight: 1, arbitrary: records },
  { weight: 2, arbitrary: fc.anything({ ...everything, ...more }) },
);

/** Options of these names, of which some have any value, and one perhaps a getter that throws. */
function optionsOf(options: readonly string[]): fc.Arbitrary<Recipe> {
  const names = fc.constantFrom(...options);
  const odd = fc.dictionary(names, anything, { maxKeys: 2 });
  return fc.record({ odd, throws: fc.option(names, { freq: 8 }) }).map(({ odd, throws }) => {
    const make = (): object => {
      // A ring that suits a test, where one is made.
      const suiting = options.includes('capacity') ? { kind: 'spsc', capacity: 4096 } : {};
      const given: Record<string, unknown> = { ...suiting, ...made(odd) };
      const { capacity } = given;
      // Right, but not for a test.
      if (typeof capacity === 'number' && capacity > 65536 && capacity <= 2 ** 30) given.capacity = 65536;
      const get = (): never => {
        throw new FromGetter('from a getter');
      };
      return throws === null ? given : Object.defineProperty(given, throws, { get });
    };
    return Object.assign(new Recipe(make), { [fc.toStringMethod]: () => fc.stringify({ odd, throws }) });
  });
}

function made<T extends object>(values: T): T {
  const entries = Object.entries(values).map(([name, value]) => [name, toArgument(value)]);
  return Object.fromEntries(entries);
}

/** What a call is given for a generated value. */
export function toArgument(value: unknown): unknown {
  return value instanceof Recipe ? value.make() : value;
}

/** What a call takes: right values, in their order, and the names of the options behind them. */
export interface Shape {
  right: (() => unknown)[];
  options: string[];
}

/** Arguments of that shape, each of which may be anything instead; or left out, or one too many. */
export function argumentsOf({ right, options }: Shape): fc.Arbitrary<unknown[]> {
  const first = right.map((make) =>
    fc.oneof({ weight: 2, arbitrary: fc.constant(new Recipe(make)) }, anything),
  );
  const last = options.length === 0 ? [] : [fc.oneof({ weight: 3, arbitrary: optionsOf(options) }, anything)];
  const whole = fc.tuple(...first, ...last);
  const some = fc.array(anything, { maxLength: 3 });
  return fc.oneof({ weight: 5, arbitrary: whole }, some);
}
